"""Check whether a sign-in may have a stream, by the rules of the pages and of the API.

Reads the row and, for a browser, its session. Never extends the idle time: an open tab is no sign
that somebody is there. All functions may raise `STORE_ERRORS`, `DatabaseError` and
`RevocationsStaleError`: then nobody knows, and there is no stream.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone

from accounts.audit.vocabulary import RevokeReason
from accounts.live import tickets
from accounts.pages import middleware, standing
from accounts.people.models import User
from accounts.signins import revocations
from accounts.signins.models import AuthSession
from accounts.store import engine, named

if TYPE_CHECKING:
    from accounts.request import Request

EXPIRED = "expired"
"""The reason of a sign-in that no request has used for too long, or that has reached its greatest age."""
BATCH = 500
"""Most ids in one statement: databases limit its parameters."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A sign-in that may have a stream, for `seconds_left` at most without another check."""

    sid: UUID
    user_id: UUID
    seconds_left: float


@dataclass(frozen=True, slots=True)
class End:
    """The end of a sign-in. Without a row, `user_id` is None and `reason` is ''."""

    sid: UUID
    user_id: UUID | None
    reason: str


def by_cookie(session_key: str) -> Visitor | None:
    """Return the visitor with this session cookie, or None if it signs nobody in."""
    return _of_session(engine.SessionStore(session_key))


def by_ticket(ticket: str) -> Visitor | None:
    """Return the visitor with this ticket, or None. The ticket is used up in any case."""
    sid = tickets.spend(ticket)
    return None if sid is None else check(sid)


def check(sid: UUID) -> Visitor | None:
    """Return the visitor of this sign-in, or None if it has ended."""
    row = AuthSession.objects.active().select_related("user").filter(pk=sid).first()
    if row is None or row.user is None or not row.user.is_active:
        return None
    if row.kind == AuthSession.Kind.BROWSER:
        session = named.peek(sid)
        return None if session is None else _of_session(session)
    if revocations.is_revoked(sid):
        return None
    left = _seconds_until(row.expires_at)
    if row.refresh_expires_at is not None:
        left = min(left, _seconds_until(row.refresh_expires_at))
    return Visitor(sid, row.user.pk, left) if left > 0 else None


def recheck(sid: UUID) -> Visitor | End:
    """Return the visitor of this sign-in, or its end."""
    visitor = check(sid)
    if visitor is not None:
        return visitor
    row = AuthSession.objects.select_related("user").filter(pk=sid).first()
    if row is None:
        return End(sid, None, "")
    is_disabled = row.user is not None and not row.user.is_active
    reason = RevokeReason.DEACTIVATED if is_disabled else EXPIRED
    return End(sid, row.user_id, row.revoked_reason or reason)


def has_ended(visitor: Visitor) -> bool:
    """Return True if the sign-in has ended since this visitor was found."""
    return revocations.is_revoked(visitor.sid)


def ends(sids: Iterable[UUID]) -> list[End]:
    """Return the ends of these sign-ins, which are known to have ended."""
    wanted = list(dict.fromkeys(sids))
    found: dict[UUID, End] = {}
    for start in range(0, len(wanted), BATCH):
        rows = AuthSession.objects.filter(pk__in=wanted[start : start + BATCH])
        for sid, user_id, reason in rows.values_list("pk", "user_id", "revoked_reason"):
            found[sid] = End(sid, user_id, reason)
    return [found.get(sid, End(sid, None, "")) for sid in wanted]


def _of_session(session: engine.SessionStore) -> Visitor | None:
    """Apply the rules of `AuthSessionMiddleware`, and read the row, too."""
    request = cast("Request", HttpRequest())
    request.session = session
    user = request.user = middleware.stored_user(request)
    if not isinstance(user, User) or session.get(engine.RIGHTS) != standing.rights_of(user):
        return None
    row = middleware.current(request)
    if row is None or revocations.is_revoked(row.pk):
        return None
    left = min(session.seconds_left, _seconds_until(row.expires_at))
    return Visitor(row.pk, user.pk, left) if left > 0 else None


def _seconds_until(moment: datetime) -> float:
    return (moment - timezone.now()).total_seconds()
