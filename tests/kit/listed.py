"""Make one row of each model that the panel lists, at a given time."""

from datetime import timedelta
from itertools import count

from accounts.audit.models import AuditEvent
from accounts.factors.models import FactorReset
from accounts.invitations.models import Invitation
from accounts.people.models import User
from accounts.reports.models import Report
from accounts.signins.models import AuthSession
from accounts.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.kit.factories import AuditEventFactory, AuthSessionFactory, UserFactory

DAY = timedelta(days=1)
_numbers = count()


def row_of(model, *, time):
    """Return a new row, with users of its own where the model has users."""
    return MAKERS[model](time, f"{next(_numbers):064x}")


def _report(time, _digest):
    own = {"user": UserFactory(), "closed_by": UserFactory(), "closed_at": time}
    return Report.objects.create(about="sign_in", event_id=1, created_at=time, **own)


def _reset(time, digest):
    own = {"user": UserFactory(), "asked_by": UserFactory(), "stop_digest": digest}
    state = {"due_at": time + DAY, "ended_at": time + DAY, "outcome": "done"}
    return FactorReset.objects.create(created_at=time, **own, **state)


def _invitation(time, digest):
    own = {"email": f"{digest}@example.com", "digest": digest, "invited_by": UserFactory()}
    return Invitation.objects.create(created_at=time, expires_at=time + DAY, **own)


def _delivery(time, _digest):
    endpoint = WebhookEndpoint.objects.first() or WebhookEndpoint.objects.create(
        url="https://hooks.example.com/"
    )
    return WebhookDelivery.objects.create(
        endpoint=endpoint, type="session.opened", occurred_at=time
    )


MAKERS = {
    AuditEvent: lambda time, _: AuditEventFactory(user=None, created_at=time),
    AuthSession: lambda time, _: AuthSessionFactory(created_at=time),
    FactorReset: _reset,
    Invitation: _invitation,
    Report: _report,
    User: lambda time, _: UserFactory(date_joined=time),
    WebhookDelivery: _delivery,
}
