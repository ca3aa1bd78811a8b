"""Answer every sign-in by allauth's headless API with our token pair."""

import json
from typing import Any, cast

from allauth.core import context
from allauth.headless.tokens.strategies.sessions import SessionTokenStrategy
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from typing_extensions import override

from accounts import routes
from accounts.request import Request, client_of
from accounts.signins.models import AuthSession
from accounts.store import engine
from api.authentication import bearer_in, verified
from api.exceptions import BearerRefusedError, InvalidToken
from api.tokens import exchange, jwts

BEARER = "Bearer "
"""Tells an access token from an `X-Session-Token` in allauth's calls, which pass on one string."""


class TokenStrategy(SessionTokenStrategy):
    """Find the session of an app: by `X-Session-Token` during a sign-in, by Bearer token after it.

    After the sign-in the access token is the only credential: the app never gets the session's id.
    """

    @override
    def get_session_token(self, request: HttpRequest) -> str | None:
        """Return the credential. A bad access token is ignored where the call needs none.

        Apps attach their token to every call, and it may expire before the call that signs in anew.
        """
        token: str | None = super().get_session_token(request)
        bearer = bearer_in(request.META)
        if bearer is None:
            return token
        may_ignore = token is not None or _needs_no_token(request)
        return token if may_ignore and _session_of(bearer) is None else BEARER + bearer

    @override
    def lookup_session(self, session_token: str) -> SessionBase | None:
        """Return the session. Raises `BearerRefusedError` for a bad access token (RFC 6750 §3.1)."""
        if not session_token.startswith(BEARER):
            session = super().lookup_session(session_token)
            # The id of a signed-in session is a browser's cookie, and no app's token.
            return None if session is None or session.get(engine.SID) else session
        found = _session_of(session_token.removeprefix(BEARER))
        if found is None:
            raise BearerRefusedError
        return found

    @override
    def create_session_token(self, request: HttpRequest) -> str:
        token = super().create_session_token(request)
        return "" if request.user.is_authenticated else token

    @override
    def create_access_token_payload(self, request: HttpRequest) -> dict[str, Any] | None:
        session = cast("Request", request).auth_session
        if session is None:
            return None
        pair = jwts.pair(session)
        return {
            "access_token": pair["access"],
            "refresh_token": pair["refresh"],
            "token_type": pair["token_type"],
            "expires_in": pair["expires_in"],
            "sid": pair["sid"],
        }

    @override
    def refresh_token(self, refresh_token: str) -> tuple[str, str] | None:
        try:
            pair = exchange.next_pair(refresh_token, client=client_of(context.request))
        except InvalidToken:
            return None
        return pair["access"], pair["refresh"]


def _needs_no_token(request: HttpRequest) -> bool:
    if routes.stated(request, "may_connect"):
        return _process_of(request) != AuthProcess.CONNECT
    return bool(routes.stated(request, "needs_no_token"))


def _process_of(request: HttpRequest) -> str | None:
    """Return the `process` of a JSON body. `BodyMiddleware` has checked that the body is JSON."""
    body = json.loads(request.body or b"null")
    return body.get("process") if isinstance(body, dict) else None


def _session_of(bearer: str) -> SessionBase | None:
    """Return the session of the sign-in that this access token names, or None for a bad token."""
    try:
        sid = verified(bearer).sid
    except InvalidToken:
        return None
    sign_in = AuthSession.objects.active().select_related("user").filter(pk=sid).first()
    if sign_in is None or sign_in.user is None:
        return None
    return engine.lookup(sign_in.pk) or _new_session(sign_in)


def _new_session(sign_in: AuthSession) -> SessionBase:
    """Make the session of a sign-in by `/api/token/`, when it first calls a headless endpoint."""
    assert sign_in.user is not None  # noqa: S101 - the caller looked
    session = engine.SessionStore()
    session[SESSION_KEY] = str(sign_in.user_id)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = sign_in.user.get_session_auth_hash()
    session[engine.SID] = str(sign_in.pk)
    session.create()
    return session
