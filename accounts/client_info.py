"""Describe the caller: IP address, and the device in words."""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from ua_parser import parse

from accounts.places import place_of

USER_AGENT_MAX = 512
EMBEDDING_APPS = [
    (re.compile(r"KAKAOTALK[ /]\d", re.IGNORECASE), gettext_noop("KakaoTalk")),
    (re.compile(r"NAVER\(inapp;", re.IGNORECASE), gettext_noop("Naver")),
    (re.compile(r"\bInstagram \d"), "Instagram"),
    (re.compile(r"\bFBAN/Messenger|\bFB_IAB/(Orca|MESSENGER)"), "Messenger"),
    (re.compile(r"\b(FBAN|FBAV|FB_IAB)/"), "Facebook"),
    (re.compile(r"\bLine/\d"), "LINE"),
]
"""Apps that show web pages in a browser of their own, by a part of its User-Agent."""
WEB_VIEW = re.compile(
    r"\(Linux; Android [^)]*; wv\)"  # https://developer.chrome.com/docs/webview/user-agent
    r"|\((?:iPhone|iPad|iPod)[^)]*\) AppleWebKit/(?!.*\b(?:Safari|Version)/).* Mobile/\w+ \S"
)
"""A page inside any other app. On an iPhone, browsers say "Safari/", and a page of the home screen adds no name."""

PROGRAM = re.compile(r"[A-Za-z][A-Za-z-]{0,29}/\d{1,4}(?:\.\d{1,6}){0,3}(?![^ ])")
UNUSUAL = re.compile(r"[^\w +-]")
"""Characters that the name of no browser needs. A parser of User-Agents takes some names from the text."""


@lru_cache(maxsize=1024)
def embedding_app(user_agent: str) -> str:
    """Return the name of the app in whose own browser the page is shown, or ''. Not translated."""
    return next((name for part, name in EMBEDDING_APPS if part.search(user_agent)), "")


def is_embedded(user_agent: str) -> bool:
    """Return True if an app shows the page in a browser of its own, also if we don't know the app."""
    return bool(embedding_app(user_agent) or WEB_VIEW.search(user_agent))


@lru_cache(maxsize=1024)
def _parts(user_agent: str) -> tuple[str, str]:
    result = parse(user_agent)
    browser = result.user_agent.family if result.user_agent else ""
    system = result.os.family if result.os else ""
    for word in (" Mobile WebView", " Mobile", "Mobile "):
        browser = browser.replace(word, "")
    return " ".join(UNUSUAL.sub(" ", browser).split())[:40], system


def device_name(user_agent: str) -> str:
    """Return a device's name, e.g. `"Chrome · Windows"`.

    For a program, return its product and version, e.g. `"curl/8.1"`. For no User-Agent, or another text,
    return "Unknown device" in the reader's language: the name stands in mails to the owner of the
    account, and a thief must not write there. So it has no dots before the version, and no link.
    """
    browser, system = _parts(user_agent)
    if app := embedding_app(user_agent):
        browser = _(app)
    if browser and system:
        return f"{browser} · {system}"
    program = PROGRAM.match(user_agent)
    return browser or (program and program.group()) or _("Unknown device")


def warm() -> None:
    """Load the parser's rules. The first User-Agent of a process would wait for them, for a second."""
    _parts.__wrapped__("Mozilla/5.0")


def is_android(user_agent: str) -> bool:
    return _parts(user_agent)[1] == "Android"


def is_mobile(user_agent: str) -> bool:
    return _parts(user_agent)[1] in {"Android", "iOS"}


class DeviceMixin:
    """Adds `device`, `is_mobile` and `place` to a class that has a `user_agent` and an `ip`."""

    user_agent: str
    ip: str | None

    @property
    def device(self) -> str:
        return device_name(self.user_agent)

    @property
    def is_mobile(self) -> bool:
        return is_mobile(self.user_agent)

    @property
    def place(self) -> str:
        """Return the city and country, or '' if they are unknown (`accounts.places`)."""
        return place_of(self.ip)


@dataclass(frozen=True)
class ClientInfo(DeviceMixin):
    """The IP address and the User-Agent of one caller.

    The address may be None, the User-Agent ''.
    """

    ip: str | None = None
    user_agent: str = ""

    @property
    def network(self) -> str:
        """Return the caller that rate limits count: an IPv4 address, or an IPv6 /64 network.

        One customer usually has a whole /64. Returns "unknown" if the address is unknown, so all
        such callers share one count.
        """
        if self.ip is None:
            return "unknown"
        if ip_address(self.ip).version == 4:  # noqa: PLR2004
            return self.ip
        return str(ip_network(f"{self.ip}/64", strict=False))
