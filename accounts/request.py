"""Type the request that views, middleware, receivers and adapters hold, and read from it."""

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
    """One attempt to sign in: settings from its door, and the row that it opened."""

    kind: "AuthSession.Kind | None" = None
    """Set by a door whose kind of sign-in doesn't follow from allauth's client."""
    link_key: str = ""
    """The link that this sign-in proves (`federation.linking.links`), or ''."""
    is_code_asked_for: bool = False
    """True if the visitor chose to prove the account by a mailed code."""
    stays: bool | None = None
    """The choice "Stay signed in", or None if the door asked for none."""
    opened: "AuthSession | None" = None
    """The row, after `open_session` has opened the sign-in."""


class Request(HttpRequest):
    """The request after our middleware. Only a type for annotations: there are no instances."""

    auth_session: "AuthSession | None"
    """The active sign-in behind the session cookie (`AuthSessionMiddleware`)."""
    sign_in: SignIn
    """`sign_in_of` creates it at the first call."""
    failure: BaseException | None
    """The exception that caused a 500, for the log line (`RequestLogMiddleware`)."""


def sign_in_of(request: HttpRequest) -> SignIn:
    """Return the attempt to sign in of this request. The first call creates it."""
    sign_in: SignIn = request.__dict__.setdefault("sign_in", SignIn())
    return sign_in


def is_app(request: HttpRequest) -> bool:
    """Return True if an app calls allauth's headless API, with `X-Session-Token` and no cookie."""
    headless = getattr(getattr(request, "allauth", None), "headless", None)
    return getattr(headless, "client", None) == Client.APP


def client_of(request: HttpRequest) -> ClientInfo:
    """Return the caller's address and device.

    allauth's adapter decides which proxies to trust, so allauth's limits and our records have the
    same address.
    """
    try:
        ip = get_adapter(request).get_client_ip(request)
    except (ImproperlyConfigured, PermissionDenied, KeyError):
        ip = None
    user_agent = request.META.get("HTTP_USER_AGENT", "")
    return ClientInfo(ip=ip, user_agent=user_agent.replace("\x00", "")[:USER_AGENT_MAX])
