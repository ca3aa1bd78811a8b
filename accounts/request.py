"""The request that views, middleware, receivers and adapters hold, and what we keep on it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from allauth.account.adapter import get_adapter
from allauth.headless.constants import Client
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest

from accounts.client_info import USER_AGENT_MAX, ClientInfo

if TYPE_CHECKING:
    from accounts.signins.models import AuthSession


@dataclass
class SignIn:
    """One attempt to sign in: what its door asks for, and what came of it."""

    kind: "AuthSession.Kind | None" = None
    """Set by a door that opens another kind of sign-in than allauth's client would."""
    link_key: str = ""
    """The link that this sign-in proves (`federation.linking.links`), or ''."""
    is_code_asked_for: bool = False
    """The visitor chose a mailed code as the proof."""
    opened: "AuthSession | None" = None
    """The row, once the sign-in is open."""


class Request(HttpRequest):
    """A type for annotations: the request after our middleware. Nothing makes an instance."""

    auth_session: "AuthSession | None"
    """The active sign-in behind the session cookie (`AuthSessionMiddleware`)."""
    sign_in: SignIn
    """Made by `sign_in_of` when it is first needed."""
    failure: BaseException | None
    """The exception behind a 500, for the log line (`RequestLogMiddleware`)."""


def sign_in_of(request: HttpRequest) -> SignIn:
    """The attempt to sign in that this request makes; a new one if nobody asked before."""
    sign_in: SignIn = request.__dict__.setdefault("sign_in", SignIn())
    return sign_in


def is_app(request: HttpRequest) -> bool:
    """Does an app call allauth's headless API, with `X-Session-Token` instead of a cookie?"""
    headless = getattr(getattr(request, "allauth", None), "headless", None)
    return getattr(headless, "client", None) == Client.APP


def client_of(request: HttpRequest) -> ClientInfo:
    """The caller's address and device.

    allauth's adapter decides which proxies to trust, so that its limits and our records agree.
    """
    try:
        ip = get_adapter(request).get_client_ip(request)
    except (ImproperlyConfigured, PermissionDenied, KeyError):
        ip = None
    user_agent = request.META.get("HTTP_USER_AGENT", "")
    return ClientInfo(ip=ip, user_agent=user_agent.replace("\x00", "")[:USER_AGENT_MAX])
