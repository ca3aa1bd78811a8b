"""Rotate a refresh token, or repeat its successor.

Each is one conditional UPDATE, so one of many requests with the same token wins. Django cannot express
`UPDATE … RETURNING` (decision 0026). `refresh` calls both and judges the rest.
"""

import hmac
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from django.conf import settings

from accounts import statements
from accounts.people.models import User
from accounts.signins.models import AuthSession

if TYPE_CHECKING:
    from django.db.models import Field

    from accounts.signins.refresh import Presented

MOST_REPEATS = 32
"""A rotation without a retry key is repeated at most this often, and only within the grace window.

Enough for eight clients that share a token store and try four times each. One repeat is already
enough for a thief, so a smaller number would only sign out honest clients.
"""

COLUMNS = (
    *("id", "user_id", "client_id", "amr", "auth_time", "expires_at"),
    *("refresh_jti", "refreshed_at", "refresh_expires_at"),
)
"""What the tokens are made from. Other columns are read when they are asked for."""

_ADVANCE = """
UPDATE accounts_authsession SET
    previous_refresh_jti = refresh_jti,
    refresh_jti = %(successor)s,
    refreshed_at = CASE WHEN refreshed_at > %(now)s THEN refreshed_at ELSE %(now)s END,
    last_seen_at = %(now)s,
    refresh_expires_at = CASE WHEN expires_at < %(until)s THEN expires_at ELSE %(until)s END,
    refresh_used_at = NULL,
    refresh_repeats = 0,
    retry_key_hmac = %(retry_key)s
WHERE refresh_jti = %(jti)s
    AND (previous_refresh_jti = '' OR refreshed_at <= %(young)s)
"""
"""`refreshed_at` never goes back, even if the clocks of the servers differ."""

_REPEAT = """
UPDATE accounts_authsession SET
    last_seen_at = %(now)s,
    refresh_used_at = CASE WHEN refresh_jti = %(jti)s AND refresh_used_at IS NULL
        THEN %(now)s ELSE refresh_used_at END,
    refresh_repeats = refresh_repeats + CASE
        WHEN previous_refresh_jti = %(jti)s AND retry_key_hmac = '' THEN 1 ELSE 0 END
WHERE refresh_expires_at > %(now)s AND (
    refresh_jti = %(jti)s
    OR previous_refresh_jti = %(jti)s AND retry_key_hmac = %(retry_key)s AND (
        refreshed_at > %(young)s AND refresh_repeats < %(most)s
        OR retry_key_hmac <> '' AND refresh_used_at IS NULL
    )
)
"""
"""Two tokens may have the current token again:

- the current token itself;
- its parent, if this request has the retry key of the rotation, or neither has one. Within the grace window
  in both cases, without a key at most `most` times. With a key also later, until the current token is used.
"""

_ACTIVE = """
    AND id = %(sid)s AND user_id = %(user)s AND client_id = %(client)s AND kind = 'token'
    AND revoked_at IS NULL AND expires_at > %(now)s
    AND EXISTS (SELECT 1 FROM accounts_user WHERE accounts_user.id = user_id AND is_active)
RETURNING {columns}
"""
_OF_USER = ", (SELECT {name} FROM accounts_user WHERE accounts_user.id = user_id)"
"""One more column to return. The user's table can't be joined: SQLite returns no joined columns."""


def advance(
    token: "Presented", *, now: datetime, retry_key: str, user_columns: tuple[str, ...]
) -> AuthSession | None:
    """Return the sign-in with its next token, or None if this token isn't current or not due."""
    hmac_of_key = hmacs_of(token, retry_key)[0]
    return _update(_ADVANCE, token, now, user_columns, retry_key=hmac_of_key)


def repeat(
    token: "Presented", *, now: datetime, retry_key: str, user_columns: tuple[str, ...]
) -> AuthSession | None:
    """Return the sign-in whose current token this request may have (again), or None.

    One statement, and one more for each former `SECRET_KEY`.
    """
    for hmac_of_key in hmacs_of(token, retry_key):
        session = _update(_REPEAT, token, now, user_columns, retry_key=hmac_of_key)
        if session is not None:
            return session
    return None


def hmacs_of(token: "Presented", retry_key: str) -> list[str]:
    """Return the HMACs that the row may have for this key: one for each `SECRET_KEY`, the present one first.

    Returns `['']` if there is no key. Each HMAC covers the token, so the same key with another token
    does not match.
    """
    if not retry_key:
        return [""]
    message = f"{token.sid}.{token.jti}.{retry_key}".encode()
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [hmac.digest(_derived(secret), message, "sha256").hex() for secret in secrets]


def _derived(secret: str) -> bytes:
    return sha256(b"accounts.signins.retry_key" + secret.encode()).digest()


def _update(
    statement: str,
    token: "Presented",
    now: datetime,
    user_columns: tuple[str, ...],
    *,
    retry_key: str,
) -> AuthSession | None:
    """Run the statement. Returns the row as it is now, or None if the statement changed none.

    Running it twice does no harm. A second `_ADVANCE` finds the next token and changes nothing; a second
    `_REPEAT` counts one repeat more.
    """
    values = {
        "successor": uuid4().hex,
        "now": now,
        "until": now + settings.REFRESH_TOKEN_LIFETIME,
        "young": now - settings.REFRESH_GRACE,
        "sid": token.sid,
        "jti": token.jti,
        "user": token.user_id,
        "client": token.client_id,
        "retry_key": retry_key,
        "most": MOST_REPEATS,
    }
    sql, fields = _returning(statement, user_columns)
    row = statements.first(sql, values, fields)
    if row is None:
        return None
    own = len(COLUMNS)
    session = statements.instance(AuthSession, fields[:own], row[:own])
    key = User._meta.pk  # noqa: SLF001 - Django's documented API
    session.user = statements.instance(User, [key, *fields[own:]], [session.user_id, *row[own:]])
    return session


@lru_cache(maxsize=8)
def _returning(
    statement: str, user_columns: tuple[str, ...]
) -> "tuple[str, list[Field[Any, Any]]]":
    """Return the whole statement, and the fields of the columns that it returns."""
    active = _ACTIVE.format(columns=", ".join(COLUMNS))
    sql = statement + active + "".join(_OF_USER.format(name=name) for name in user_columns)
    fields = [AuthSession._meta.get_field(name) for name in COLUMNS]  # noqa: SLF001 - Django's documented API
    of_user = [User._meta.get_field(name) for name in user_columns]  # noqa: SLF001 - as above
    return sql, cast("list[Field[Any, Any]]", fields + of_user)
