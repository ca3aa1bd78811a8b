"""Answer each address that the gate knows, by the functions that Django's view of it calls.

A view of the gate returns an answer only if it is a plain yes. For every other answer it returns None, or
raises the error that Django's view would raise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import resolve, reverse
from structlog.contextvars import bind_contextvars

from accounts.pages import attempts, standing
from accounts.people.models import User
from accounts.request import client_in
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from api import clients, forward_auth, profile
from api.authentication import verified
from api.signin import plain
from api.tokens import delivery, exchange, introspection, jwts, retry_keys, signing
from config.gate.plain_requests import FORM, PlainRequest
from config.gate.responses import Answer, Headers

if TYPE_CHECKING:
    from rest_framework.views import APIView

READ, POST = frozenset({"GET", "HEAD"}), frozenset({"POST"})
PARAMETERS = ("token", "token_type_hint")
NOT_STORED: Headers = [("Cache-Control", "no-store")]


@dataclass(frozen=True, slots=True)
class Route:
    path: str
    name: str
    """As metrics have it."""
    methods: frozenset[str]
    view: Callable[[PlainRequest], Answer | None]
    is_logged: bool = True
    takes_any: bool = False
    """A gateway passes on the header `Accept` of a page or a picture."""

    @property
    def has_body(self) -> bool:
        return self.methods == POST


def verify(request: PlainRequest, *, services: bool, headers: Headers) -> Answer | None:
    raw = request.bearer
    if raw is not None:
        token = verified(raw)
        if token.is_service and not services:
            return None
        return Answer([*headers, *forward_auth.of_token(token).items()], status=204)
    session = _session(request)
    if session is None:
        return None
    told = forward_auth.of_session(session).items()
    return Answer([*headers, *told], status=204, is_by_cookie=True)


def me(request: PlainRequest, *, headers: Headers) -> Answer | None:
    raw = request.bearer
    if raw is None:
        session = _session(request)
        user = session.user if session is not None else None
    else:
        token = verified(raw)
        user = None if token.is_service else User.objects.active(token.sub)
        bind_contextvars(user_id=token["sub"], sid=token["sid"])
    if user is None:
        return None
    return Answer(headers, profile.members(user), is_by_cookie=raw is None)


def verify_token(request: PlainRequest, *, headers: Headers) -> Answer | None:
    members = request.members("token")
    if not members or not signing.is_compact(members["token"]):
        return None
    verified(members["token"])
    return Answer(headers, {})


def obtain(request: PlainRequest, *, headers: Headers) -> Answer | None:
    members = request.members("email", "password")
    # A cookie may tell of a known device.
    if not members or len(members) < 2 or request.header("COOKIE"):  # noqa: PLR2004 - both
        return None
    if not plain.is_plain(**members) or _is_by_cookie(request) is not False:
        return None
    if not plain.is_offered():
        return None
    client = client_in(request.environ)
    attempt = attempts.make(**members, network=client.network)
    request.environ[attempts.ENTRY] = attempt  # Django goes on from here if this is no yes
    pair = plain.pair_for(attempt, password=members["password"], client=client)
    return None if pair is None else Answer(headers, pair)


def refresh(request: PlainRequest, *, headers: Headers) -> Answer | None:
    members = request.members("refresh", "access", "retry_key")
    if members is None:
        return None
    is_by_cookie = _is_by_cookie(request)
    if is_by_cookie is None:
        return None
    token = members.get("refresh") or (request.refresh_cookie if is_by_cookie else "")
    access = members.get("access", "")
    if not signing.is_compact(token) or (access and not signing.is_compact(access)):
        return None
    retry_key = retry_keys.find(request.header("IDEMPOTENCY_KEY"), members.get("retry_key"))
    pair = exchange.rotated(token, access=access, retry_key=retry_key)
    if pair is None:
        return None
    if not is_by_cookie:
        return Answer(headers, pair)
    carrier = HttpResponse()
    delivery.put(carrier, str(pair.pop("refresh")))
    return Answer([*headers, *_cookies(carrier)], pair)


def revoke(request: PlainRequest, *, headers: Headers) -> Answer | None:
    is_by_cookie = _is_by_cookie(request)
    token = _presented(request)
    if is_by_cookie is None or token is None:
        return None
    token = token or (request.refresh_cookie if is_by_cookie else "")
    sid = jwts.sid_in(token) if signing.is_compact(token) else None
    if sid is None:
        return None
    # A sign-in that had ended, and the one of a machine, get the same answer.
    sessions.sign_out(sid, client=client_in(request.environ))
    if not is_by_cookie:
        return Answer(headers)
    carrier = HttpResponse()
    delivery.forget(carrier)
    return Answer([*headers, *_cookies(carrier)])


def introspect(request: PlainRequest, *, headers: Headers) -> Answer | None:
    token = _in_form(request) if request.type == FORM else None
    if token is None or not signing.is_compact(token):
        return None
    client_id = clients.authenticate(request.header("AUTHORIZATION") or "")
    if client_id is None:
        return None
    return Answer(headers, introspection.introspect(token, client_id=client_id))


def _presented(request: PlainRequest) -> str | None:
    """Return the `token` of a form or of JSON, '' if there is none, or None if the body is unknown."""
    if request.type == FORM:
        return _in_form(request)
    members = request.members("token", "token_type_hint")
    return None if members is None else members.get("token", "")


def _in_form(request: PlainRequest) -> str | None:
    """Return the `token` of a form, '' if there is none, or None if the form is unknown."""
    if not request.body.isascii():
        return None
    form = QueryDict(request.body)
    if any(len(form.getlist(name)) > 1 for name in PARAMETERS) or form.get("token") == "":
        return None  # an empty one is refused, also beside a cookie
    return form.get("token", "")


def _is_by_cookie(request: PlainRequest) -> bool | None:
    """Return whether the caller wants cookie delivery, or None if a foreign page does."""
    if request.header("X_TOKEN_DELIVERY") != "cookie":
        return False
    is_ours = request.header("ORIGIN") in {settings.SITE_URL, *settings.FRONTEND_ORIGINS}
    return True if is_ours else None


def _cookies(carrier: HttpResponse) -> Headers:
    return [("Set-Cookie", morsel.output(header="")) for morsel in carrier.cookies.values()]


def _session(request: PlainRequest) -> AuthSession | None:
    """Return the sign-in of the session cookie, if it needs no care (`standing`)."""
    key = request.session_key
    session = standing.find(key) if key else None
    if session is not None:
        bind_contextvars(user_id=str(session.user_id), sid=str(session.pk))
    return session


def _route(
    name: str,
    view: Callable[..., Answer | None],
    methods: frozenset[str],
    *,
    is_for_gateways: bool = False,
) -> Route:
    """Return the route of this name. Its answers say `Allow` as those of DRF do."""
    full_name = f"api:{name}"
    path = reverse(full_name)
    drf_view: APIView = resolve(path).func.view_class()  # type: ignore[attr-defined]  # of `as_view`
    drf_view.setup(HttpRequest())
    headers = [*NOT_STORED, ("Allow", ", ".join(drf_view.allowed_methods))]
    bound = partial(view, headers=headers)
    # A gateway asks before each of its own requests, and logs those.
    return Route(path, full_name, methods, bound, not is_for_gateways, takes_any=is_for_gateways)


BY_PATH = {
    route.path: route
    for route in (
        _route("verify", partial(verify, services=False), READ, is_for_gateways=True),
        _route("verify-services", partial(verify, services=True), READ, is_for_gateways=True),
        _route("me", me, READ),
        _route("token-obtain", obtain, POST),
        _route("token-verify", verify_token, POST),
        _route("token-refresh", refresh, POST),
        _route("token-revoke", revoke, POST),
        _route("token-introspect", introspect, POST),
    )
}
