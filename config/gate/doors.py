"""Answer each address that the gate knows, by the functions that Django's view calls.

A door returns None, or raises what the view would raise, for every answer that is not a plain yes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import resolve, reverse
from structlog.contextvars import bind_contextvars

from accounts.pages import standing
from accounts.people.models import User
from accounts.signins.models import AuthSession
from api import clients, forward_auth, profile
from api.authentication import verified
from api.tokens import delivery, exchange, introspection, retry_keys, signing
from config.gate.asked import FORM, Asked
from config.gate.envelope import Answer, Headers

if TYPE_CHECKING:
    from rest_framework.views import APIView

READ, POST = frozenset({"GET", "HEAD"}), frozenset({"POST"})
NOT_STORED: Headers = [("Cache-Control", "no-store")]


@dataclass(frozen=True, slots=True)
class Door:
    path: str
    route: str
    """The name of the route, as metrics have it."""
    methods: frozenset[str]
    answer: Callable[[Asked], Answer | None]
    is_logged: bool = True
    takes_any: bool = False
    """A gateway passes on the header `Accept` of a page or a picture."""

    @property
    def has_body(self) -> bool:
        return self.methods is POST


def verify(request: Asked, *, services: bool, headers: Headers) -> Answer | None:
    raw = request.bearer
    if raw is not None:
        token = verified(raw)
        if token.is_service and not services:
            return None
        return Answer([*headers, *forward_auth.of_token(token).items()])
    session = _session(request)
    if session is None:
        return None
    return Answer([*headers, *forward_auth.of_session(session).items()], is_by_cookie=True)


def me(request: Asked, *, headers: Headers) -> Answer | None:
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


def verify_token(request: Asked, *, headers: Headers) -> Answer | None:
    members = request.members("token")
    if not members or not signing.is_compact(members["token"]):
        return None
    verified(members["token"])
    return Answer(headers, {})


def refresh(request: Asked, *, headers: Headers) -> Answer | None:
    members = request.members("refresh", "access", "retry_key")
    if members is None:
        return None
    delivered = request.header("X_TOKEN_DELIVERY") or ""
    is_by_cookie = delivered == "cookie"
    if is_by_cookie and request.header("ORIGIN") not in {
        settings.SITE_URL,
        *settings.FRONTEND_ORIGINS,
    }:
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
    cookies = [("Set-Cookie", morsel.output(header="")) for morsel in carrier.cookies.values()]
    return Answer([*headers, *cookies], pair)


def introspect(request: Asked, *, headers: Headers) -> Answer | None:
    if request.type != FORM or not request.body.isascii():
        return None
    form = QueryDict(request.body)
    if any(len(form.getlist(name)) > 1 for name in ("token", "token_type_hint")):
        return None
    token = form.get("token", "")
    if not signing.is_compact(token):
        return None
    client_id = clients.authenticate(request.header("AUTHORIZATION") or "")
    if client_id is None:
        return None
    return Answer(headers, introspection.introspect(token, client_id=client_id))


def _session(request: Asked) -> AuthSession | None:
    """Return the sign-in of the session cookie, if it needs no care (`standing`)."""
    key = request.session_key
    session = standing.find(key) if key else None
    if session is not None:
        bind_contextvars(user_id=str(session.user_id), sid=str(session.pk))
    return session


def _door(
    name: str,
    answer: Callable[..., Answer | None],
    methods: frozenset[str],
    *,
    is_for_gateways: bool = False,
) -> Door:
    """Return the door of the route with this name. Its answers say `Allow` as those of DRF do."""
    route = f"api:{name}"
    path = reverse(route)
    view: APIView = resolve(path).func.view_class()  # type: ignore[attr-defined]  # of `as_view`
    view.setup(HttpRequest())
    headers = [*NOT_STORED, ("Allow", ", ".join(view.allowed_methods))]
    bound = partial(answer, headers=headers)
    # A gateway asks before each of its own requests, and logs those.
    return Door(path, route, methods, bound, not is_for_gateways, takes_any=is_for_gateways)


BY_PATH = {
    door.path: door
    for door in (
        _door("verify", partial(verify, services=False), READ, is_for_gateways=True),
        _door("verify-services", partial(verify, services=True), READ, is_for_gateways=True),
        _door("me", me, READ),
        _door("token-verify", verify_token, POST),
        _door("token-refresh", refresh, POST),
        _door("token-introspect", introspect, POST),
    )
}
