"""Exchange a refresh token for the next pair."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from structlog.contextvars import bind_contextvars

from accounts import metrics
from accounts.client_info import ClientInfo
from accounts.signins import refresh, refusals
from api.exceptions import (
    InvalidToken,
    RefreshEnded,
    RefreshExpired,
    RefreshLost,
    RefreshReused,
)
from api.tokens import claims, jwts


class _AccessRefused(InvalidToken):
    """The access token is missing, or of another sign-in: the refresh token may be good."""


def next_pair(
    raw_token: str, *, access: str = "", retry_key: str = "", client: ClientInfo | None = None
) -> dict[str, Any]:
    """Return the next pair of this sign-in.

    `access`, expired or not, must be of the same sign-in. If it isn't, the sign-in goes on, because
    this proves no theft of the refresh token. `retry_key` comes from `retry_keys`.

    Raises `InvalidToken` or a subclass that names the reason. A reused or lost token ends the sign-in;
    this is committed before the error is raised. Counts each refusal (`refusals`), and raises
    `TooManyRequestsError` after too many of them. A good token is not counted.
    """
    client = client or ClientInfo()
    try:
        presented = _presented(raw_token, access)
        # For the request's log line: a refresh leaves no audit row (`docs/audit-events.md`).
        bind_contextvars(user_id=str(presented.user_id), sid=str(presented.sid))
        refusals.check(_name(presented.sid, presented.jti))
        pair = _next_pair(presented, retry_key=retry_key, client=client)
    except InvalidToken as exc:
        metrics.REFRESHES.note(exc.problem.code)
        if not raw_token:  # a page without a token asks whether it is signed in; that is no guess
            raise
        # A thief of the refresh token alone must not use up the limit of its owner.
        is_good = isinstance(exc, _AccessRefused)
        refusals.count("" if is_good else _name_of(raw_token), network=client.network)
        raise
    return pair


def rotated(raw_token: str, *, access: str = "", retry_key: str = "") -> dict[str, Any] | None:
    """Return the next pair if this token is current and due, as most are.

    Returns None for every other token, or raises as `next_pair` does. Then nothing has changed or been
    counted, and `next_pair` finds out why. It also repeats the pair, if this rotation succeeded and its answer
    got lost.
    """
    presented = _presented(raw_token, access)
    if refusals.is_full(_name(presented.sid, presented.jti)):
        return None
    session = refresh.advance(presented, retry_key=retry_key, user_columns=claims.USER_COLUMNS)
    if session is None or session.user is None or session.user.email in settings.REFUSED_EMAILS:
        return None
    bind_contextvars(user_id=str(presented.user_id), sid=str(presented.sid))
    pair = jwts.pair(session)
    metrics.REFRESHES.note("rotated")
    return pair


def _next_pair(
    presented: refresh.Presented, *, retry_key: str, client: ClientInfo
) -> dict[str, Any]:
    outcome = refresh.rotate(
        presented, client=client, retry_key=retry_key, user_columns=claims.USER_COLUMNS
    )
    match outcome:
        case refresh.Rotated(session) | refresh.Repeated(session):
            if session.user is None or session.user.email in settings.REFUSED_EMAILS:
                raise InvalidToken  # a demo account outside `DEMO`
            is_new = isinstance(outcome, refresh.Rotated)
            metrics.REFRESHES.note("rotated" if is_new else "repeated")
            return jwts.pair(session)
        case refresh.Lost():
            raise RefreshLost
        case refresh.Reused():
            raise RefreshReused
        case refresh.Expired():
            raise RefreshExpired
        case refresh.Ended():
            raise RefreshEnded
        case refresh.Unknown():
            raise InvalidToken


def _presented(raw_token: str, access: str) -> refresh.Presented:
    """Return the content of the refresh token. Raises `InvalidToken` or `RefreshExpired`."""
    try:
        token = jwts.RefreshJWT(raw_token)
        if bool(access) or settings.REFRESH_REQUIRES_ACCESS_TOKEN:
            _require_same_sign_in(access, token)
        return refresh.Presented(
            sid=token.sid,
            user_id=UUID(token["sub"]),
            jti=str(token["jti"]),
            client_id=str(token["client_id"]),
            issued_at=int(token["iat"]),
            expires_at=datetime.fromtimestamp(token["exp"], UTC),
        )
    except ExpiredTokenError as exc:
        raise RefreshExpired from exc
    except (TokenError, TypeError, ValueError, OverflowError, OSError) as exc:
        raise InvalidToken from exc


def _require_same_sign_in(access: str, token: jwts.RefreshJWT) -> None:
    """Raise `InvalidToken` unless the access token, expired or not, is of the same sign-in."""
    try:
        sid = jwts.AccessJWT(access, verify=False).sid
    except TokenError as exc:
        raise _AccessRefused from exc
    if sid != token.sid:
        raise _AccessRefused


def _name_of(raw_token: str) -> str:
    """Return the name by which `refusals` counts this token, or '' if we didn't sign it.

    An expired token has a name, too.
    """
    try:
        token = jwts.RefreshJWT(raw_token, verify=False)
        return _name(token.sid, str(token["jti"]))
    except (TokenError, KeyError, TypeError, ValueError):
        return ""


def _name(sid: UUID, jti: str) -> str:
    return f"{sid}:{jti}"
