"""Import the models of the rooms, for Django to find them here."""

from accounts.audit.models import AuditEvent
from accounts.outbox.models import Job
from accounts.people.models import User
from accounts.signins.models import AuthSession

__all__ = ["AuditEvent", "AuthSession", "Job", "User"]
