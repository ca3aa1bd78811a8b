"""Answer every sign-in by allauth's headless API with our token pair."""

from typing import Any, cast

from allauth.core import context
from allauth.headless.tokens.strategies.sessions import SessionTokenStrategy
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from typing_extensions import override

from accounts.request import Request, client_of
from accounts.signins.models import AuthSession
from accounts.store import engine
from api.authentication import verified
from api.exceptions import InvalidToken
from api.tokens import exchange, jwts

BEARER = "bearer "


class TokenStrategy(SessionTokenStrategy):
    """Find the session of an app: by `X-Session-Token` during a sign-in, by Bearer token after it.

    After the sign-in the access token is the only credential: the app never gets the session's id.
    """

    @override
    def get_session_token(self, request: HttpRequest) -> str | None:
        authorization = request.META.get("HTTP_AUTHORIZATION", "")
        if authorization.lower().startswith(BEARER):
            return str(authorization)
        token: str | None = super().get_session_token(request)
        return token

    @override
    def lookup_session(self, session_token: str) -> SessionBase | None:
        if not session_token.lower().startswith(BEARER):
            session = super().lookup_session(session_token)
            # The id of a signed-in session is a browser's cookie, and no app's token.
            return None if session is None or session.get(engine.SID) else session
        try:
            sid = verified(session_token[len(BEARER) :].strip(" ")).sid
        except InvalidToken:
            return None
        sign_in = AuthSession.objects.active().select_related("user").filter(pk=sid).first()
        if sign_in is None or sign_in.user is None:
            return None
        return engine.lookup(sign_in.pk) or _new_session(sign_in)

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
        access, refresh = pair.pop("access"), pair.pop("refresh")
        return {"access_token": access, "refresh_token": refresh, **pair}

    @override
    def refresh_token(self, refresh_token: str) -> tuple[str, str] | None:
        try:
            pair = exchange.next_pair(refresh_token, client=client_of(context.request))
        except InvalidToken:
            return None
        return pair["access"], pair["refresh"]


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
