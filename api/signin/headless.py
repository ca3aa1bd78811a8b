"""Answer every sign-in by allauth's headless API with our token pair."""

import json
from http import HTTPStatus
from typing import Any, cast

from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.tokens.strategies.sessions import SessionTokenStrategy
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse, JsonResponse
from typing_extensions import override

from accounts import routes
from accounts.request import Request, client_of, sign_in_of
from accounts.signins.models import AuthSession
from accounts.store import engine, named
from api import problems
from api.authentication import bearer_in, verified
from api.exceptions import BearerRefusedError, InvalidToken, RetryKeyRefused
from api.tokens import exchange, jwts, retry_keys

BEARER = "Bearer "
"""Tells an access token from an `X-Session-Token` in allauth's calls, which pass on one string."""


class TokenStrategy(SessionTokenStrategy):
    """Find the session of an app: by `X-Session-Token` during a sign-in, by Bearer token after it.

    After the sign-in the access token is the only credential; the app never gets the session's id.
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
        access, refresh = pair.pop("access"), pair.pop("refresh")
        return {"access_token": access, "refresh_token": refresh, **pair}

    @override
    def refresh_token(self, refresh_token: str) -> tuple[str, str] | None:
        """Return the next pair. Answers a refusal itself: allauth's answer would not say why."""
        request = context.request
        try:
            key = retry_keys.find(request.headers.get(retry_keys.HEADER), _retry_key_in(request))
            pair = exchange.next_pair(refresh_token, retry_key=key, client=client_of(request))
        except (InvalidToken, RetryKeyRefused) as exc:
            raise ImmediateHttpResponse(_refusal(exc.problem)) from exc
        return pair["access"], pair["refresh"]


def _retry_key_in(request: HttpRequest) -> Any:
    """Return the body's `retry_key`, or None if it has none. allauth drops this member.

    JSON's null is a malformed key, as at `/api/token/refresh/`.
    """
    members = json.loads(request.body)
    return members[retry_keys.MEMBER] or "" if retry_keys.MEMBER in members else None


def _refusal(problem: problems.Problem) -> HttpResponse:
    """Answer with allauth's status and its `errors`, beside the members of problem details."""
    status = HTTPStatus.BAD_REQUEST
    errors = [{"code": problem.code, "message": str(problem.detail)}]
    return JsonResponse(
        problems.body(problem, status=status, errors=errors),
        status=status,
        content_type=problems.CONTENT_TYPE,
        headers={"Cache-Control": "no-store"},
    )


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
        sid = verified(bearer).sid  # of an API key: it has no user, so no session
    except InvalidToken:
        return None
    sign_in = AuthSession.objects.active().select_related("user").filter(pk=sid).first()
    if sign_in is None or sign_in.user is None or not sign_in.user.is_active:
        return None
    session = named.lookup(sign_in.pk) or _new_session(sign_in)
    # The row says that this sign-in goes on after a change of the password. Django would delete
    # a session with another hash, so it must compare it with this user, not read it once more.
    sign_in_of(context.request).bearer = sign_in.user
    if session.get(HASH_SESSION_KEY) != sign_in.user.get_session_auth_hash():
        session[HASH_SESSION_KEY] = sign_in.user.get_session_auth_hash()
    return session


def _new_session(sign_in: AuthSession) -> SessionBase:
    """Create and return a session for a sign-in that has none.

    `/api/token/` leaves no session, so the first call of a headless endpoint needs one. Raises
    `STORE_ERRORS`.
    """
    assert sign_in.user is not None  # noqa: S101 - the caller looked
    session = engine.SessionStore()
    session[SESSION_KEY] = str(sign_in.user_id)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = sign_in.user.get_session_auth_hash()
    session[engine.SID] = str(sign_in.pk)
    session.create()
    return session
