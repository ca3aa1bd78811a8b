"""Record a changed profile, and tell the owner of a new name: a thief may have changed it (ASVS 6.3.7)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import EventType
from accounts.client_info import ClientInfo
from accounts.mail import notices
from accounts.people.models import User

QUIET = timedelta(hours=1)
"""One mail in this time is enough. Otherwise a thief could fill the owner's mailbox."""


def renamed(user: User, *, client: ClientInfo, actor: User | None = None) -> None:
    """Record the new name, and mail the owner. Call in the transaction that saved the name.

    `actor` is the administrator who changed it.
    """
    since = timezone.now() - QUIET
    earlier = AuditEvent.objects.filter(
        user=user, type=AuditEvent.Type.NAME_CHANGED, created_at__gt=since
    )
    is_quiet = not earlier.exists()
    trail.record(AuditEvent.Type.NAME_CHANGED, user=user, client=client, actor=actor)
    if is_quiet:
        # The owner must not learn the address and the device of an administrator.
        notices.name_changed(
            user, by_administrator=bool(actor), client=ClientInfo() if actor else client
        )


def change_extras(
    user: User,
    values: Mapping[str, Any],
    *,
    client: ClientInfo,
    actor: User | None = None,
    note: str = "",
) -> bool:
    """Store these values of `PROFILE_FIELDS` beside the others. Returns False if they are stored already.

    Call in a transaction, with checked values. Locks the row: another request may change another field at
    the same time. `actor` is the administrator who changed them, and `note` the reason.
    """
    stored = User.objects.select_for_update(no_key=True).get(pk=user.pk).extras
    user.extras = stored | values
    if user.extras == stored:
        return False
    user.save(update_fields=["extras"])
    trail.record(EventType.PROFILE_CHANGED, user=user, client=client, actor=actor, note=note)
    return True
