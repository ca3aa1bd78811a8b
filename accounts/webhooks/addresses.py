"""Decide to which addresses the worker may send webhooks (SSRF: OWASP, CWE-918).

`parse` checks the text of a URL, `resolve` the addresses behind its name. Connect only to the addresses
that `resolve` returns: a second look-up could have another answer (DNS rebinding).
"""

import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

IPAddress = IPv4Address | IPv6Address
LookUp = Callable[[str, int], list[str]]

MAX_URL = 500
NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
LOW_PORTS = {80, 443}
FIRST_HIGH_PORT = 1024
GLOBAL_UNICAST = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
DEFAULT_PORTS = {"http": 80, "https": 443}
NOBODYS = tuple(
    map(
        ip_network,
        [
            "192.0.0.0/24",  # RFC 6890; Oracle's clouds answer there about their machines
            "168.63.129.16/32",  # public, but Azure answers there about its machines
            "3fff::/20",  # RFC 9637
        ],
    )
)
"""Networks in which no receiver is, and which some releases of Python call public."""


class Reason(Enum):
    """The reasons why an address is refused."""

    NOT_A_URL = _("Write a whole address, such as https://app.example.com/webhooks.")
    CREDENTIALS = _("Leave out the user name and password. Verify the signature instead.")
    SCHEME = _("Use https. http is allowed only to WEBHOOK_PRIVATE_NETWORKS.")
    PORT = _("Use port 443, or one from 1024 on.")
    PRIVATE = _(
        "This is an address of a private network. WEBHOOK_PRIVATE_NETWORKS doesn't allow it."
    )
    UNKNOWN = _("No address has this name.")

    @property
    def label(self) -> "StrOrPromise":
        return self.value


class RefusedError(Exception):
    """The worker must not send to this address."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.name.lower().replace("_", " "))
        self.reason = reason


@dataclass(frozen=True)
class Target:
    """A URL that `parse` accepted. `host` is a name or an IP address, without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def netloc(self) -> str:
        """Return the value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str) -> Target:
    """Return the parts of this URL. Raises `RefusedError`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise RefusedError(Reason.NOT_A_URL) from exc
    if parts.scheme not in DEFAULT_PORTS:
        raise RefusedError(Reason.SCHEME)
    if "@" in parts.netloc:
        raise RefusedError(Reason.CREDENTIALS)
    if not _is_plain(url, parts):
        raise RefusedError(Reason.NOT_A_URL)
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    if port not in LOW_PORTS and port < FIRST_HIGH_PORT:
        raise RefusedError(Reason.PORT)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, (parts.hostname or "").rstrip("."), port, path)


def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of this name, as the system finds them. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_rest, sockaddr in found]


def resolve(target: Target, *, look_up: LookUp = look_up) -> list[IPAddress]:
    """Return the addresses of the target, by one look-up. All of them may be connected to.

    Raises `RefusedError` if there is none, or if one of them is refused: then somebody has mixed a public
    address with a private one.
    """
    try:
        found = look_up(target.host, target.port)
    except (OSError, UnicodeError) as exc:
        raise RefusedError(Reason.UNKNOWN) from exc
    addresses = [ip_address(text.partition("%")[0]) for text in dict.fromkeys(found)]
    if not addresses:
        raise RefusedError(Reason.UNKNOWN)
    for address in addresses:
        if not _is_in_allowed_network(address):
            if not all(_is_public(each) for each in _meant(address)):
                raise RefusedError(Reason.PRIVATE)
            if target.scheme != "https":
                raise RefusedError(Reason.SCHEME)
    return addresses


def _is_plain(url: str, parts: SplitResult) -> bool:
    """Return True if no other reader could take this text for another address."""
    host = (parts.hostname or "").removesuffix(".")
    if not host or len(url) > MAX_URL or parts.fragment or "\\" in url:
        return False
    if not (url.isascii() and url.isprintable()) or " " in url:
        return False
    if parts.netloc.startswith("["):
        return "%" not in host  # urlsplit has checked that it is an IPv6 address
    if NUMBER.fullmatch(host.rpartition(".")[2]):
        return _is_dotted(host)  # others read 2130706433 and 0x7f.1 as 127.0.0.1
    return NAME.fullmatch(host) is not None


def _is_dotted(host: str) -> bool:
    try:
        return str(IPv4Address(host)) == host
    except ValueError:
        return False


def _is_in_allowed_network(address: IPAddress) -> bool:
    plain = address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
    return any(
        plain.version == network.version and plain in network
        for network in settings.WEBHOOK_PRIVATE_NETWORKS
    )


def _meant(address: IPAddress) -> list[IPAddress]:
    """Return the IPv4 addresses inside an IPv6 address (mapped, 6to4, Teredo, NAT64), or itself."""
    if isinstance(address, IPv4Address):
        return [address]
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in NAT64:
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in inner if each is not None] or [address]


def _is_public(address: IPAddress) -> bool:
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    if any(address in network for network in NOBODYS):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)
