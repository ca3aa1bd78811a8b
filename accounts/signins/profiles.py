"""Record a changed name, and tell the owner: a thief may have changed it (ASVS 6.3.7)."""

from datetime import timedelta

from django.utils import timezone

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.mail import notices
from accounts.people.models import User

QUIET = timedelta(hours=1)
"""One mail in this time is enough. Otherwise a thief could fill the owner's mailbox."""


def renamed(user: User, *, client: ClientInfo, actor: User | None = None) -> None:
    """Call in the transaction that saved the name. `actor` is the administrator who changed it."""
    since = timezone.now() - QUIET
    earlier = AuditEvent.objects.filter(
        user=user, type=AuditEvent.Type.NAME_CHANGED, created_at__gt=since
    )
    is_quiet = not earlier.exists()
    trail.record(AuditEvent.Type.NAME_CHANGED, user=user, client=client, actor=actor)
    if is_quiet:
        # An administrator's address and device are not the owner's business.
        notices.name_changed(
            user, by_administrator=bool(actor), client=ClientInfo() if actor else client
        )
