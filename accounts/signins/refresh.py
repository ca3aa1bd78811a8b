"""Rotate refresh tokens: each is used once, and a second use ends the sign-in (RFC 9700 §4.14).

A sign-in has one row, however often it refreshes. It rotates at most once per grace window.
Otherwise clients that share a token store would send each other's old tokens and be signed out.

A client that makes a retry key and stores it before the call gets the same answer again, however
late it asks, until it uses the successor. Another client gets nothing: a repeat needs the same key.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.mail import notices
from accounts.signins import rotation, sessions
from accounts.signins.models import AuthSession

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Presented:
    """The claims of a validly signed refresh token."""

    sid: UUID
    user_id: UUID
    jti: str
    client_id: str
    issued_at: int
    """Seconds since 1970."""
    expires_at: datetime


@dataclass(frozen=True)
class Rotated:
    session: AuthSession


@dataclass(frozen=True)
class Repeated:
    """The same next token again, for a second tab or a client that lost the answer."""

    session: AuthSession


@dataclass(frozen=True)
class Lost:
    """The parent of a token that nobody used came back too late, or with the wrong retry key.

    Most likely the client never got the answer to its refresh. The sign-in has ended.
    """


@dataclass(frozen=True)
class Reused:
    """A token came back whose successor was used: two parties hold this sign-in's tokens.

    The sign-in has ended.
    """


@dataclass(frozen=True)
class Expired:
    pass


@dataclass(frozen=True)
class Ended:
    """The sign-in ended before, or its account is disabled or deleted."""


@dataclass(frozen=True)
class Unknown:
    """No sign-in of this client has the token, or the token is newer than the database.

    A token is newer than the database if the database was restored from a backup.
    """


Outcome = Rotated | Repeated | Lost | Reused | Expired | Ended | Unknown


def rotate(
    token: Presented,
    *,
    client: ClientInfo,
    retry_key: str = "",
    user_columns: tuple[str, ...] = (),
) -> Outcome:
    """Rotate, repeat or refuse this token. `retry_key` is the client's name for this refresh, or ''.

    A rotation or a repeat reads `user_columns` of the user in the same statement. Other columns are
    loaded when they are asked for.

    Never call it inside a transaction that may roll back: the end of a sign-in must be kept.
    """
    now = timezone.now()
    if now >= token.expires_at:
        return Expired()
    session = rotation.advance(token, now=now, retry_key=retry_key, user_columns=user_columns)
    if session is not None:
        return Rotated(session)
    session = rotation.repeat(token, now=now, retry_key=retry_key, user_columns=user_columns)
    if session is not None:
        return Repeated(session)
    return _judge(token, now, client)


def advance(
    token: Presented, *, retry_key: str, user_columns: tuple[str, ...]
) -> AuthSession | None:
    """Rotate this token if it is current and due. Otherwise change nothing and return None."""
    now = timezone.now()
    if now >= token.expires_at:
        return None
    return rotation.advance(token, now=now, retry_key=retry_key, user_columns=user_columns)


def _judge(token: Presented, now: datetime, client: ClientInfo) -> Outcome:
    """Return why this token is refused. Ends the sign-in if another party may hold its tokens."""
    session = (
        AuthSession.objects.select_related("user")
        .filter(pk=token.sid, kind=AuthSession.Kind.TOKEN, client_id=token.client_id)
        .first()
    )
    if session is None or session.user_id not in {token.user_id, None}:
        return Unknown()
    if session.revoked_at is not None or session.user is None or not session.user.is_active:
        return Ended()
    assert session.refreshed_at is not None  # noqa: S101 - kind token
    assert session.refresh_expires_at is not None  # noqa: S101 - kind token
    if now >= min(session.expires_at, session.refresh_expires_at):
        return Expired()
    is_newer = token.issued_at > int(session.refreshed_at.timestamp())
    if is_newer or token.jti == session.refresh_jti:  # the row changed since the statements above
        return Unknown()
    if token.jti == session.previous_refresh_jti and session.refresh_used_at is None:
        return _lost(session, client)
    return _reused(session, client)


def _lost(session: AuthSession, client: ClientInfo) -> Lost:
    """End the sign-in without an alarm: an honest client that lost an answer does the same."""
    sessions.revoke(session, reason=sessions.Reason.REFRESH_LOST, client=client)
    return Lost()


def _reused(session: AuthSession, client: ClientInfo) -> Reused:
    """End the sign-in, record the reuse and mail the owner, once. Returns the outcome."""
    with transaction.atomic():
        ended = sessions.revoke(session, reason=sessions.Reason.REUSED, client=client)
        if ended:
            trail.record(
                AuditEvent.Type.REFRESH_TOKEN_REUSED,
                user=session.user,
                sid=session.pk,
                client=client,
            )
            _warn_owner(session, client)
    return Reused()


def _warn_owner(session: AuthSession, client: ClientInfo) -> None:
    """Queue a mail that warns the owner of the reused token, in the same transaction.

    Logs a failure, because the sign-in must end anyway.
    """
    if session.user is None:
        return
    signed_in = ClientInfo(session.ip, session.user_agent)
    try:
        with transaction.atomic():
            notices.refresh_token_reused(session.user, signed_in=signed_in, client=client)
    except Exception:
        log.exception("the owner of %s got no mail about the reused token", session.pk)
