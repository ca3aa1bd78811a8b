"""Import the models of the rooms, for Django to find them here."""

from accounts.audit.models import AuditChain, AuditCheckpoint, AuditEvent, EventCount
from accounts.factors.models import FactorReset, GracePeriod
from accounts.invitations.models import Invitation
from accounts.mail.models import SentMail
from accounts.moving.models import Departure, ExternalId, SpentToken
from accounts.operators.models import (
    BulkRun,
    BulkTarget,
    EmailProposal,
    OperatorNote,
    SuperuserProposal,
)
from accounts.outbox.models import Job
from accounts.people.models import User
from accounts.reports.models import Report
from accounts.services.models import ApiKey
from accounts.signins.models import AuthSession, TrustedBrowser
from accounts.webhooks.models import WebhookDelivery, WebhookEndpoint

__all__ = [
    "ApiKey",
    "AuditChain",
    "AuditCheckpoint",
    "AuditEvent",
    "AuthSession",
    "BulkRun",
    "BulkTarget",
    "Departure",
    "EmailProposal",
    "EventCount",
    "ExternalId",
    "FactorReset",
    "GracePeriod",
    "Invitation",
    "Job",
    "OperatorNote",
    "Report",
    "SentMail",
    "SpentToken",
    "SuperuserProposal",
    "TrustedBrowser",
    "User",
    "WebhookDelivery",
    "WebhookEndpoint",
]
