"""Decide what a token contains: ids, rights and times, nothing personal."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

from accounts.people.models import User
from accounts.services.models import ApiKey
from accounts.signins import roles
from accounts.signins.models import AuthSession
from api.tokens import extra_claims

USER_COLUMNS = ("is_staff", "email")
"""Columns of the user that a refresh needs: it reads them with the sign-in, in one statement.
Claims are made from them, and `exchange` refuses demo accounts by their `email`. A column that is missing here costs one more query at each refresh.
"""


def access(session: AuthSession) -> dict[str, Any]:
    """Return the claims of a new access token (RFC 9068 §2.2). Times are seconds since 1970."""
    now = timezone.now()
    names = roles.of(session.user)
    return {
        **extra_claims.of(session),  # first: the others win
        **_names(session),
        "client_id": session.client_id,
        "jti": uuid4().hex,
        "iat": _epoch(now),
        "exp": _epoch(min(now + settings.ACCESS_TOKEN_LIFETIME, session.expires_at)),
        "auth_time": _epoch(session.auth_time),
        "amr": session.amr,
        "scope": _scope(session.user, names),
        # RFC 9068 §2.2.3.1. Only with the setting: nobody must take a missing claim for "no roles".
        **({"roles": names} if settings.TOKEN_ROLES else {}),
    }


def service(key: ApiKey, words: list[str]) -> dict[str, Any]:
    """Return the claims of an access token of a machine: `sub` is `client_id` (RFC 9068 §2.2).

    It says nothing of a proof by a person: no `amr`, no `auth_time`, no `roles`.
    """
    now = timezone.now()
    lifetime = min(settings.SERVICE_TOKEN_LIFETIME, settings.ACCESS_TOKEN_LIFETIME)
    ends = [now + lifetime, *([key.expires_at] if key.expires_at else [])]
    return {
        **dict.fromkeys(("sub", "sid", "client_id"), str(key.pk)),
        "jti": uuid4().hex,
        "iat": _epoch(now),
        "exp": _epoch(min(ends)),
        "scope": " ".join(words),
    }


def refresh(session: AuthSession) -> dict[str, Any]:
    """Return the claims of the current refresh token; the same at each call.

    Times as in `access`.
    """
    assert session.refreshed_at is not None  # noqa: S101 - kind token
    assert session.refresh_expires_at is not None  # noqa: S101 - kind token
    return {
        **_names(session),
        "client_id": session.client_id,
        "jti": session.refresh_jti,
        "iat": _epoch(session.refreshed_at),
        "exp": _epoch(session.refresh_expires_at),
    }


def scope_of(user: User | None) -> str:
    """Return the user's rights as words separated by spaces (RFC 6749 §3.3), or ''."""
    return _scope(user, roles.of(user))


def _scope(user: User | None, names: list[str]) -> str:
    is_staff = user is not None and user.is_staff
    return " ".join([*(["admin"] if is_staff else []), *roles.in_scope(names)])


def _names(session: AuthSession) -> dict[str, str]:
    return {"sub": str(session.user_id), "sid": str(session.pk)}


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
