"""Begin an act of an operator: lock the account, and make sure that it is as the operator saw it."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.client_info import ClientInfo
from accounts.errors import ConflictError, NotAllowedError
from accounts.people import authority
from accounts.people.models import User


@dataclass(frozen=True)
class By:
    """Who acts, why and from where. `seen` is `state_of` the account on the page of the operator."""

    actor: User
    reason: str
    client: ClientInfo
    seen: str | None = None
    """None skips the comparison, for acts on many accounts."""

    @property
    def on_record(self) -> dict[str, Any]:
        """Return the arguments of `trail.record` that all these acts share."""
        return {"actor": self.actor, "note": self.reason, "client": self.client}


def state_of(user: User) -> str:
    """Return a digest of the state that acts change. A form that is sent twice has an old one."""
    state = (
        *(user.is_active, user.locked_until, user.erase_at, user.email, user.is_superuser),
        sorted(user.extras.items()),
    )
    return hashlib.sha256(repr(state).encode()).hexdigest()[:16]


def begin(user: User, by: By, permission: str, *, also_on_self: bool = False) -> User:
    """Lock the rows of user and operator until the transaction ends, and return the user as it is now.

    Call inside a transaction. Reads the operator again, whose rights may have just been withdrawn. Raises
    `NotAllowedError`, or `ConflictError` if the account is gone or not as the operator saw it.
    """
    locked, actor = lock(user, by.actor)
    if locked is None:
        raise ConflictError
    if actor is None or not authority.may(actor, permission, locked, also_on_self=also_on_self):
        raise NotAllowedError
    if by.seen is not None and by.seen != state_of(locked):
        raise ConflictError
    return locked


def lock(user: User, actor: User) -> tuple[User | None, User | None]:
    """Lock the rows of user and operator until the transaction ends, and return both as they are now.

    Both, and always in this order: two superusers who lock each other at once, or withdraw each other's
    rights, would both be out.
    """
    assert transaction.get_connection().in_atomic_block  # noqa: S101 - a fault of the caller
    rows = User.objects.select_for_update(no_key=True).order_by("pk")
    found = {row.pk: row for row in rows.filter(pk__in={user.pk, actor.pk})}
    return found.get(user.pk), found.get(actor.pk)
