"""Prepare the path and the cookies of a request before Django reads them, and refuse a long address."""

import codecs
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponseBase

from accounts import cookies, routes
from api import problems
from config import errors

ENCODED = "percent-encoded"
"""How to decode bytes that are no UTF-8: `%E9` stands for each."""
BROWSER = "Mozilla/"
"""The `User-Agent` of each browser begins so, and that of few programs."""
MAX_ADDRESS = 12_000
"""Characters of a path and a query as the `next` of another address, where `%E9` becomes `%25E9`.

Django raises an error for a redirect to more than 16,384, and our nginx takes 16 KB of headers. A server should take
8,000 octets (RFC 9110 §4.1)."""
MAX_GROWTH = 20
"""A character that is no ASCII has up to four octets, and each becomes `%25E9`."""
EXTENDED = re.compile(r";[^;,=]*\*[^;,]*")
"""A parameter with `*` in its name (RFC 2231). No media range has one (RFC 9110 §12.5.1)."""
UNREADABLE = "incoming.unreadable_cookies"
"""The member of the WSGI environ that is True if the server read none of the cookies. No header has this name."""


def prepare(environ: dict[str, Any]) -> None:
    """Percent-encode what is no UTF-8 in the path, and remove cookies that only look like ours.

    Django encodes such a path in the same way, but copies its whole rest for each byte: 64 KB of them
    cost more than a second, and anybody can send them.

    Also removes extended parameters from `Accept`: for some of them, such as `*/*; x*=unknown''y`, Python's parser raises
    errors, and Django and DRF would answer 500.
    """
    path = environ["PATH_INFO"]
    if not path.isascii():
        readable = path.encode("latin-1").decode("utf-8", ENCODED)
        environ["PATH_INFO"] = readable.encode().decode("latin-1")
    if "*" in (accepts := environ.get("HTTP_ACCEPT", "")):
        environ["HTTP_ACCEPT"] = EXTENDED.sub("", accepts)
    if sent := environ.get("HTTP_COOKIE"):
        environ["HTTP_COOKIE"] = cookies.named_plainly(sent)
    elif sent is not None and environ.get("HTTP_USER_AGENT", "").startswith(BROWSER):
        environ[UNREADABLE] = True  # browsers send no empty header, but some programs do


class AddressMiddleware:
    """Answer 414 to an address that is longer than `MAX_ADDRESS`.

    Nearly every page may redirect to the sign-in page with its address as `next`, and others to the same address
    with a slash or another host. Place it before all of them.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        length = len(request.META["PATH_INFO"]) + len(request.META.get("QUERY_STRING", ""))
        if length * MAX_GROWTH > MAX_ADDRESS and len(quote(request.get_full_path())) > MAX_ADDRESS:
            return errors.respond(request, problems.ADDRESS_TOO_LONG)
        return self.get_response(request)


class CookieMiddleware:
    """Tell a visitor which cookies to delete, where the server could read none of them.

    Granian empties the header if one cookie has a letter that is no ASCII, such as `name=한글`, which a script of
    a sister site may set for the whole domain. The visitor would seem to be signed out, and could not sign in.
    Our nginx keeps such cookies away (`deploy/nginx/snippets/cookies.conf`).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.META.get(UNREADABLE) and not routes.is_machine(request):
            again = request.get_full_path() if request.method == "GET" else ""
            return errors.respond(request, problems.COOKIES_UNREADABLE, again=again)
        return self.get_response(request)


def _encode(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(f"%{byte:02X}" for byte in error.object[error.start : error.end]), error.end


codecs.register_error(ENCODED, _encode)
