"""Tell a service whether a token is valid at this moment, and its claims (RFC 7662)."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError

from accounts.signins.models import AuthSession
from api.tokens.jwts import AccessJWT, RefreshJWT, SignedJWT

INACTIVE = {"active": False}
WITHHELD_ACCESS = {"amr"}
WITHHELD_REFRESH = {"aud"}
"""Claims that the answer leaves out. It shows every other claim of the token."""


def introspect(raw_token: str, *, client_id: str) -> dict[str, Any]:
    """Return the members of RFC 7662 §2.2; for a token that isn't valid, only `{"active": false}`.

    Reads the sign-in's row, so the answer is up to date. A refresh token is active only for the
    client that it was issued to.
    """
    for kind in (AccessJWT, RefreshJWT):
        try:
            token = kind(raw_token)
        except TokenError:
            continue
        session = AuthSession.objects.active().select_related("user").filter(pk=token.sid).first()
        if session is None or not _is_usable(session):
            return INACTIVE
        return _members(token, session, client_id)
    return INACTIVE


def _is_usable(session: AuthSession) -> bool:
    if session.kind == AuthSession.Kind.SERVICE:
        return True  # an API key, which is no person
    return session.user is not None and session.user.is_active


def _members(token: SignedJWT, session: AuthSession, client_id: str) -> dict[str, Any]:
    if isinstance(token, AccessJWT):
        return {"active": True, "token_type": "Bearer", **_told(token, WITHHELD_ACCESS)}
    if token["client_id"] != client_id or not _is_current(token, session):
        return INACTIVE
    return {"active": True, **_told(token, WITHHELD_REFRESH)}


def _told(token: SignedJWT, withheld: set[str]) -> dict[str, Any]:
    return {name: value for name, value in token.payload.items() if name not in withheld}


def _is_current(token: SignedJWT, session: AuthSession) -> bool:
    if token["jti"] == session.refresh_jti:
        return True
    in_grace = (
        session.refreshed_at is not None
        and timezone.now() - session.refreshed_at < settings.REFRESH_GRACE
    )
    return in_grace and token["jti"] == session.previous_refresh_jti
