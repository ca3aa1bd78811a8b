"""Who is asking: the client's address behind trusted proxies, and its device in words."""

from dataclasses import dataclass
from functools import lru_cache

from allauth.account.adapter import get_adapter
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ua_parser import parse

USER_AGENT_MAX = 512


@dataclass(frozen=True)
class ClientInfo:
    """One caller, as far as it can be known."""

    ip: str | None = None
    user_agent: str = ""

    @classmethod
    def from_request(cls, request: HttpRequest) -> "ClientInfo":
        """allauth's adapter decides about proxies, so its limits and our records agree."""
        try:
            ip = get_adapter(request).get_client_ip(request)
        except (ImproperlyConfigured, PermissionDenied, KeyError):
            ip = None
        user_agent = request.META.get("HTTP_USER_AGENT", "")
        return cls(ip=ip, user_agent=user_agent.replace("\x00", "")[:USER_AGENT_MAX])


@lru_cache(maxsize=1024)
def _parts(user_agent: str) -> tuple[str, str]:
    result = parse(user_agent)
    browser = result.user_agent.family if result.user_agent else ""
    system = result.os.family if result.os else ""
    for word in (" Mobile WebView", " Mobile", "Mobile "):
        browser = browser.replace(word, "")
    return browser, system


def device_name(user_agent: str) -> str:
    """`"Chrome · Windows"`; for a program its first product token, e.g. `"curl/8.1"`."""
    browser, system = _parts(user_agent)
    if browser and system:
        return f"{browser} · {system}"
    return browser or user_agent.split(" ", maxsplit=1)[0][:40] or _("Unknown device")


def is_mobile(user_agent: str) -> bool:
    return _parts(user_agent)[1] in {"Android", "iOS"}
