"""Define the typed request of views, middleware, receivers and adapters; read from it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from allauth.headless.constants import Client
from django.conf import settings
from django.http import HttpRequest

from accounts import forwarded
from accounts.client_info import USER_AGENT_MAX, ClientInfo

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from accounts.people.models import User
    from accounts.signins.models import AuthSession
    from accounts.store.counters import Limit


@dataclass
class SignIn:
    """A sign-in in progress: settings from its door, and the `AuthSession` that it opened."""

    kind: "AuthSession.Kind | None" = None
    """Set by a door whose kind of sign-in doesn't follow from allauth's client."""
    link_key: str = ""
    """The link that this sign-in proves (`federation.linking.links`), or ''."""
    wanted_link: "dict[str, Any] | None" = None
    """The link that a mailed code makes (`pages.mailbox_links`), for a sign-up that found an account."""
    is_code_asked_for: bool = False
    """True if the visitor chose to prove the account by a mailed code."""
    proved_at: "datetime | None" = None
    """The time of the proof, if it is older than this request: an exchanged token proves nothing now."""
    stays: bool | None = None
    """The choice "Stay signed in", or None if the door asked for none."""
    opened: "AuthSession | None" = None
    """The row, after `open_session` has opened the sign-in."""
    trusted: "UUID | None" = None
    """The trusted browser (`pages.trusting`) that stands in for the second step."""
    spent_code: "tuple[Limit, str] | None" = None
    """The use of a mailed code, which is given back if the answer is an error of ours."""
    operator_reason: str = ""
    """The words of an operator who makes us send a mail, for its audit event."""
    proving: "UUID | None" = None
    """The sign-in that a password is to prove again, while the password is checked."""
    is_mail_withheld: bool = False
    """True if the last mail was not sent, because its address got its share of the day."""
    wait_seconds: int | None = None
    """The seconds after which allauth's limit, which refused this request, allows the next one."""
    devices: dict[str, str] = field(default_factory=dict)
    """The answers of `pages.known_devices` in this request, by email."""
    invitation: "UUID | None" = None
    """The invitation that this sign-up has used up (`pages.admission`)."""
    proved_email: str = ""
    """The address that the link of that invitation has proved, or ''."""
    bearer: "User | None" = None
    """The user of the access token with which an app calls allauth's headless API."""


class Request(HttpRequest):
    """The request after our middleware. A type for annotations only: there are no instances."""

    auth_session: "AuthSession | None"
    """The active sign-in behind the session cookie (`AuthSessionMiddleware`)."""
    sign_in: SignIn
    """`sign_in_of` creates it at the first call."""
    client: ClientInfo
    """`client_of` creates it at the first call."""
    failure: BaseException | None
    """The exception that caused a 500, for the log line (`RequestLogMiddleware`)."""


def sign_in_of(request: HttpRequest) -> SignIn:
    """Return the sign-in in progress of this request. The first call creates it."""
    sign_in: SignIn = request.__dict__.setdefault("sign_in", SignIn())
    return sign_in


def is_app(request: HttpRequest) -> bool:
    """Return True if an app, which sends no cookie, calls allauth's headless API."""
    headless = getattr(getattr(request, "allauth", None), "headless", None)
    return getattr(headless, "client", None) == Client.APP


def is_headless(request: HttpRequest) -> bool:
    """Return True if a program calls allauth's headless API."""
    headless = getattr(getattr(request, "allauth", None), "headless", None)
    return headless is not None


def client_of(request: HttpRequest) -> ClientInfo:
    """Return the caller's address and device. allauth's limits use the same address."""
    known: ClientInfo | None = request.__dict__.get("client")
    if known is None:
        known = request.__dict__["client"] = client_in(request.META)
    return known


def client_in(environ: dict[str, Any]) -> ClientInfo:
    """Return the caller's address and device, from the WSGI environ of the request."""
    ip = forwarded.client_ip(environ, trusted_proxies=settings.TRUSTED_PROXY_COUNT)
    user_agent = environ.get("HTTP_USER_AGENT", "")
    return ClientInfo(ip=ip, user_agent=user_agent.replace("\x00", "")[:USER_AGENT_MAX])


def user_id_of(request: HttpRequest) -> str:
    """Return the id of the signed-in user, or '' for a visitor."""
    return str(request.user.pk) if request.user.is_authenticated else ""
