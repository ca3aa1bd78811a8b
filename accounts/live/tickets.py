"""Give a client that has no cookie a ticket for one stream.

`EventSource` can't send a Bearer token, and an address with an access token would end up in logs. A
ticket is in the address instead. It opens one stream of one sign-in, within `SECONDS`.
"""

import hmac
import secrets
from typing import TYPE_CHECKING, cast
from uuid import UUID

from django.conf import settings
from django_redis import get_redis_connection

from accounts import encryption
from accounts.errors import DecryptionError
from accounts.store import outage

if TYPE_CHECKING:
    from redis import Redis

SECONDS = 30
MAX_CHARACTERS = 64
"""No ticket is longer."""


def issue(sid: UUID) -> str:
    """Return a new ticket for this sign-in. Raises `STORE_ERRORS`.

    Call only after checking that the sign-in is active.
    """
    ticket = secrets.token_urlsafe(32)
    name = _name_of(ticket)
    # Sealed, so that a writer to Redis can't make a ticket for another sign-in.
    value = encryption.seal(sid.bytes, name=name.encode())
    outage.patiently(lambda: _redis().set(name, value, ex=SECONDS), outage.cache)
    return ticket


def spend(ticket: str) -> UUID | None:
    """Return the `sid` that this ticket was issued for, or None. It is good once.

    Tries once: a retry after a lost answer would find the ticket used. Raises `STORE_ERRORS`.
    """
    if not 0 < len(ticket) <= MAX_CHARACTERS:
        return None
    name = _name_of(ticket)
    value = cast("bytes | None", _redis().getdel(name))
    try:
        return UUID(bytes=encryption.unseal(value, name=name.encode())) if value else None
    except DecryptionError:
        return None


def _name_of(ticket: str) -> str:
    """Return the key in Redis, from which nobody can tell the ticket."""
    digest = hmac.digest(settings.SESSION_ID_KEY.encode(), ticket.encode(), "sha256")
    return f"event-ticket:{digest.hex()}"


def _redis() -> "Redis":
    return get_redis_connection("default")
