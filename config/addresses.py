"""Read addresses: origins, and services whose password has special characters. Pure: opens nothing."""

import re
from typing import Any
from urllib.parse import quote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

PORTS = {"http": 80, "https": 443}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
HOST = r"(?:\[[^\]/?#@]*\]|[^\s/?#@:,\[\]]*)(?::\d+)?"
TAIL = re.compile(rf"{HOST}(?:,{HOST})*(?:/[^?#@]*)?(?:\?(?:[\w.-]+=[^#&]*(?:&|$))*)?")
"""What follows the user and the password: hosts, a path, options."""
NOT_ENCODED = re.compile("%(?![0-9A-Fa-f]{2})")
LITERAL = "%!$&'()*=;~-._"
"""Stays as it is inside a user or a password. `%` begins a character that is encoded already."""


def encoded(url: str) -> str:
    """Return the address with its user and password percent-encoded.

    `/`, `?`, `#`, `@`, `[` and spaces end or break these parts (RFC 3986 §3.2.1), and password
    generators use them. Returns the address as it is if it has no password, or if it has no place
    where the password can end; its parser refuses the latter.
    """
    scheme, separator, rest = url.partition("://")
    # After three slashes there is a path and no user: SQLite, a unix socket.
    if not separator or rest.startswith("/") or TAIL.fullmatch(rest):
        return url
    for at in (found.start() for found in re.finditer("@", rest)):
        # The first place that fits is also where RFC 3986 ends the password, if it has a word.
        if TAIL.fullmatch(rest, at + 1):
            user, colon, password = rest[:at].partition(":")
            return f"{scheme}://{_quoted(user)}{colon}{_quoted(password)}{rest[at:]}"
    return url


def origin(url: str) -> str:
    """Return this origin as browsers write it (RFC 6454 §6.2): lower case, without the default port.

    Returns other texts as they are: `config.checks.origins` refuses them.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    is_bare = url.lower() == f"{parts.scheme}://{parts.netloc}".lower()
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc or not is_bare:
        return url
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{'' if port in {None, PORTS[parts.scheme]} else f':{port}'}"


def is_origin(url: str) -> bool:
    """Return True for a scheme, a host and perhaps a port, and nothing else: `https://app.example.com`."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return (
        url == f"{parts.scheme}://{parts.netloc}"
        and parts.scheme in PORTS
        and (bool(parts.hostname) and "*" not in url and "@" not in parts.netloc)
    )


def is_loopback(url: str) -> bool:
    """Return True if the host of this address is this machine: `localhost`, a name below it, or its IP address."""
    host = urlsplit(url).hostname or ""
    return host in LOOPBACK or host.endswith(".localhost")


def is_in_the_clear(url: str) -> bool:
    """Return True if a call to this address crosses a network without TLS."""
    return urlsplit(url).scheme != "https" and not is_loopback(url)


def _quoted(text: str) -> str:
    return quote(NOT_ENCODED.sub("%25", text), safe=LITERAL)


def mail(url: str) -> dict[str, Any]:
    """Return django-environ's settings of the mail server that `EMAIL_URL` names.

    Raises `ImproperlyConfigured`, whose text doesn't repeat the address: it may hold a password.
    """
    try:
        if url.partition("://")[0] in environ.Env.EMAIL_SCHEMES:
            found: dict[str, Any] = environ.Env.email_url_config(encoded(url))
            return found
    except ValueError:
        pass
    raise ImproperlyConfigured(
        "EMAIL_URL can't be read. It is such as smtp+tls://user:password@host:587, with the user and "
        "the password percent-encoded"
    )
