"""Rotate refresh tokens: each is used once, and a second use ends the sign-in (RFC 9700 §4.14).

A sign-in has one row, however often it refreshes, and rotates at most once per grace window.
Without this limit, clients that share a token store would send each other's old tokens and be
signed out.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.mail import notices
from accounts.people.models import User
from accounts.signins import sessions
from accounts.signins.models import AuthSession

if TYPE_CHECKING:
    from django.db.models import Field

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
class Reused:
    """An old token came back, so another party has this sign-in's tokens. The sign-in has ended."""


@dataclass(frozen=True)
class Expired:
    pass


@dataclass(frozen=True)
class Unknown:
    """No active sign-in of this client has the token, or the token is newer than the database.

    A token is newer than the database if the database was restored from a backup.
    """


Outcome = Rotated | Repeated | Reused | Expired | Unknown


_ADVANCE = """
UPDATE accounts_authsession SET
    previous_refresh_jti = refresh_jti,
    refresh_jti = %(successor)s,
    refreshed_at = CASE WHEN refreshed_at > %(now)s THEN refreshed_at ELSE %(now)s END,
    last_seen_at = %(now)s,
    refresh_expires_at = CASE WHEN expires_at < %(until)s THEN expires_at ELSE %(until)s END
WHERE id = %(sid)s AND refresh_jti = %(jti)s
    AND user_id = %(user)s AND client_id = %(client)s AND kind = 'token'
    AND revoked_at IS NULL AND expires_at > %(now)s
    AND (previous_refresh_jti = '' OR refreshed_at <= %(young)s)
    AND EXISTS (SELECT 1 FROM accounts_user WHERE accounts_user.id = user_id AND is_active)
RETURNING *
"""
"""One statement decides, so one request wins. `refreshed_at` never goes back, even if the clocks of
the servers differ."""
_OF_USER = ", (SELECT {name} FROM accounts_user WHERE accounts_user.id = user_id) AS user__{name}"
"""One more column to return. The user's table can't be joined: SQLite returns no joined columns."""


def rotate(token: Presented, *, client: ClientInfo, user_columns: tuple[str, ...] = ()) -> Outcome:
    """Rotate the token if it is due, and return the outcome. A reused token ends its sign-in.

    `Rotated` and `Repeated` have the sign-in, whose row describes the next token. `user_columns`
    are columns of the user that a rotation reads in the same statement; other columns cost a query
    when they are used.

    Never call it inside a transaction that may roll back: the end of a reused sign-in must be kept.
    """
    now = timezone.now()
    if now >= token.expires_at:
        return Expired()
    session = _advance(token, now, user_columns)
    if session is not None:
        return Rotated(session)
    return _judge(token, now, client)


def _advance(token: Presented, now: datetime, user_columns: tuple[str, ...]) -> AuthSession | None:
    """Give the sign-in its next token by one UPDATE, and return the sign-in.

    Returns None if this is not the current token, if the last rotation is younger than the grace
    window, or if client, user or sign-in do not qualify (ended, expired, disabled).
    """
    # SQLite has no types for either; PostgreSQL takes them as they are.
    key = AuthSession._meta.pk  # noqa: SLF001
    moment = connection.ops.adapt_datetimefield_value
    values = {
        "successor": uuid4().hex,
        "now": moment(now),
        "until": moment(now + settings.REFRESH_TOKEN_LIFETIME),
        "sid": key.get_db_prep_value(token.sid, connection),
        "jti": token.jti,
        "user": key.get_db_prep_value(token.user_id, connection),
        "client": token.client_id,
        "young": moment(now - settings.REFRESH_GRACE),
    }
    sql = _ADVANCE + "".join(_OF_USER.format(name=name) for name in user_columns)
    session = next(iter(AuthSession.objects.raw(sql, values)), None)
    if session is not None:
        session.user = _owner(session, user_columns)
    return session


def _owner(session: AuthSession, columns: tuple[str, ...]) -> User:
    """Return the user with these columns, whose values came with the sign-in's row."""
    names, values = [], []
    for field in User._meta.concrete_fields:  # noqa: SLF001 - in the order that `from_db` wants
        if field.primary_key:
            values.append(session.user_id)
        elif field.attname in columns:
            values.append(_converted(field, getattr(session, f"user__{field.attname}")))
        else:
            continue
        names.append(field.attname)
    return User.from_db(None, names, values)


def _converted(field: "Field[Any, Any]", value: Any) -> Any:
    """Return the column's value as the model has it: SQLite has no booleans, times or UUIDs."""
    column = field.get_col(User._meta.db_table)  # noqa: SLF001
    for convert in connection.ops.get_db_converters(column) + column.get_db_converters(connection):
        value = convert(value, column, connection)
    return value


def _judge(token: Presented, now: datetime, client: ClientInfo) -> Outcome:
    """Return the outcome for a token that `_advance` did not rotate."""
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
    if now >= session.expires_at:
        return Expired()
    in_grace = timezone.now() - session.refreshed_at < settings.REFRESH_GRACE
    if token.jti == session.refresh_jti or (token.jti == session.previous_refresh_jti and in_grace):
        return Repeated(session)
    if token.issued_at > int(session.refreshed_at.timestamp()):
        return Unknown()
    return _reused(session, client)


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
    """Queue a mail in the same transaction. Logs a failure, because the sign-in must end anyway."""
    if session.user is None:
        return
    signed_in = ClientInfo(session.ip, session.user_agent)
    try:
        with transaction.atomic():
            notices.refresh_token_reused(session.user, signed_in=signed_in, client=client)
    except Exception:
        log.exception("the owner of %s got no mail about the reused token", session.pk)
