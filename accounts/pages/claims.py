"""Give an address to the account that proved it, and record which accounts lost it.

The events hold neither IP address nor device of the visitor who proved it, because the owner of the
other account may read them.
"""

from uuid import UUID

from django.db import transaction

from accounts.audit import trail
from accounts.audit.vocabulary import Deletion, EventType
from accounts.people import addresses


def claim(email: str, *, owner_id: UUID | None) -> None:
    """Take this address from accounts that never proved it, and record an event for each of them.

    `owner_id` is as for `addresses.claim`.
    """
    with transaction.atomic():
        for lost in addresses.claim(email, owner_id=owner_id):
            if lost.is_deleted:
                record_deleted(lost.user.email, lost.user_id, reason=Deletion.ADDRESS_PROVED)
            else:
                trail.record(EventType.EMAIL_LOST, user=lost.user, identifier=email)


def record_deleted(email: str, user_id: UUID, *, reason: Deletion) -> None:
    """Record that the account with this email was deleted. Call in the transaction of the deletion."""
    trail.record(EventType.USER_DELETED, identifier=email, reason=reason, deleted_id=user_id)
