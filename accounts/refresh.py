"""Rotate a refresh token: single use, a grace window, reuse ends the sign-in.

One row per sign-in, however often it refreshes. A sign-in rotates at most once per grace window:
clients that share a token store would otherwise replay one another's ancestors and be signed out.
RFC 9700 §4.14.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit, notices, sessions
from accounts.client_info import ClientInfo
from accounts.models import AuditEvent, AuthSession

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Presented:
    """What a validly signed refresh token says of itself."""

    sid: UUID
    user_id: UUID
    jti: str
    client_id: str
    issued_at: int
    """Seconds since the epoch."""
    expires_at: datetime


@dataclass(frozen=True)
class Rotated:
    session: AuthSession


@dataclass(frozen=True)
class Repeated:
    """The same successor again: a second tab, or an answer that was lost on the way."""

    session: AuthSession


@dataclass(frozen=True)
class Reused:
    """An ancestor came back: somebody else holds this sign-in's tokens. It has been ended."""


@dataclass(frozen=True)
class Expired:
    pass


@dataclass(frozen=True)
class Unknown:
    """No such sign-in, not this client's, ended, or newer than the database (restored)."""


Outcome = Rotated | Repeated | Reused | Expired | Unknown


def rotate(token: Presented, *, client: ClientInfo) -> Outcome:
    """Decide what this token is worth, in one conditional UPDATE that has one winner.

    Never call it inside a transaction that may roll back: the end of a reused sign-in must stand.
    """
    now = timezone.now()
    session = (
        AuthSession.objects.select_related("user")
        .filter(pk=token.sid, user_id=token.user_id, kind=AuthSession.Kind.TOKEN)
        .first()
    )
    if (
        session is None
        or session.refreshed_at is None
        or session.revoked_at is not None
        or session.user is None
        or not session.user.is_active
        or session.client_id != token.client_id
    ):
        return Unknown()
    if now >= min(token.expires_at, session.expires_at):
        return Expired()
    has_rotated = bool(session.previous_refresh_jti)
    if session.refresh_jti == token.jti and has_rotated and _in_grace(session, now):
        return Repeated(session)
    if _advance(session, token.jti, now):
        return Rotated(session)
    return _lost(session, token, client)


def _in_grace(session: AuthSession, now: datetime) -> bool:
    assert session.refreshed_at is not None  # noqa: S101 - set for every sign-in of kind token
    return now - session.refreshed_at < settings.REFRESH_GRACE


def _advance(session: AuthSession, jti: str, now: datetime) -> bool:
    """Make a new token the current one, if `jti` still is; tells whether this call won."""
    assert session.refreshed_at is not None  # noqa: S101
    at = max(now, session.refreshed_at)  # monotone, whatever the servers' clocks say
    successor = {
        "previous_refresh_jti": jti,
        "refresh_jti": uuid4().hex,
        "refreshed_at": at,
        "refresh_expires_at": min(at + settings.REFRESH_TOKEN_LIFETIME, session.expires_at),
        "last_seen_at": at,
    }
    won = AuthSession.objects.filter(
        pk=session.pk, refresh_jti=jti, revoked_at=None, expires_at__gt=now
    ).update(**successor)
    if won:
        for field, value in successor.items():
            setattr(session, field, value)
    return bool(won)


def _lost(session: AuthSession, token: Presented, client: ClientInfo) -> Outcome:
    """Not the current token, or another request was faster: repeat, or theft?"""
    user = session.user
    session.refresh_from_db()
    if session.revoked_at is not None or session.refreshed_at is None:
        return Unknown()
    is_previous = token.jti == session.previous_refresh_jti
    if token.jti == session.refresh_jti or (is_previous and _in_grace(session, timezone.now())):
        return Repeated(session)
    if token.issued_at > int(session.refreshed_at.timestamp()):
        return Unknown()
    with transaction.atomic():
        ended = sessions.revoke(session, reason=sessions.Reason.REUSED, client=client)
        if ended:
            audit.record(
                AuditEvent.Type.REFRESH_TOKEN_REUSED, user=user, sid=session.pk, client=client
            )
            _tell_owner(session, client)
    return Reused()


def _tell_owner(session: AuthSession, client: ClientInfo) -> None:
    """In the same transaction, but never at its cost: the end must stand, mail or no mail."""
    try:
        with transaction.atomic():
            notices.refresh_token_reused(session, client=client)
    except Exception:
        log.exception("the owner of %s was not told of its reused token", session.pk)
