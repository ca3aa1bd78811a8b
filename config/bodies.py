"""Give each body its length, and refuse one that a parser behind Django's would choke on."""

import io
import json
import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from accounts import routes
from api import problems
from api.problems import Problem
from config import errors

BODILESS = {"GET", "HEAD", "OPTIONS", "TRACE"}
PIECE = 16 * 1024
MAX_DIGITS = 18
MAX_TYPE = 255
"""More characters than any real `Content-Type` has: a boundary has at most 70 (RFC 2046 §5.1.1)."""
CHARSET = re.compile(r";\s*(?:charset\s*=|[^;=]*\*)[^;]*", re.IGNORECASE)
"""The parameter `charset`, and each with `*` in its name (RFC 2231), which may be another spelling of it."""


def measure(environ: dict[str, Any], *, max_bytes: int) -> None:
    """Read a body without Content-Length (chunked, or HTTP/2) into memory and set CONTENT_LENGTH.

    Django trusts it for every body.

    Reads at most one byte more than `max_bytes`, so that `BodyMiddleware` sees a body that is too
    large. If the server doesn't mark the end of the body, reading could block for ever: the body
    stays unread, and `BodyMiddleware` answers 411.
    """
    if environ.get("CONTENT_LENGTH") or environ["REQUEST_METHOD"] in BODILESS:
        return
    if not environ.get("wsgi.input_terminated"):
        return
    body = bytearray()
    while len(body) <= max_bytes:
        piece = environ["wsgi.input"].read(min(PIECE, max_bytes + 1 - len(body)))
        if not piece:
            break
        body += piece
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)


def read_as_utf8(environ: dict[str, Any]) -> None:
    """Remove the charset that the caller names, and all parameters of a long `Content-Type`.

    Django decodes the query before any middleware runs, so for `charset=zlib` and a query string it would
    answer 500 without a page. For extended parameters, such as `x*=unknown''y`, it fails while it makes the request.

    Python's parser looks at the whole rest of the header for each parameter: 64 KB of them cost two seconds,
    and anybody can send them.
    """
    kind = environ.get("CONTENT_TYPE") or ""
    if len(kind) > MAX_TYPE:
        kind = kind[:MAX_TYPE].partition(";")[0]
    environ["CONTENT_TYPE"] = CHARSET.sub("", kind)


class BodyMiddleware:
    """Refuse a body that is too large, and JSON that would cause an error in a parser.

    Django checks `DATA_UPLOAD_MAX_MEMORY_SIZE` only if it parses the body itself, but DRF's and
    allauth's JSON parsers read the stream. allauth's parser fails with a 500 for a number of 5,000
    digits, deep nesting and unpaired surrogates.

    `measure` gives a body without Content-Length its length. If that is impossible under this server,
    the answer is 411.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not request.META.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" in request.META:
            return errors.respond(request, problems.LENGTH_REQUIRED)
        if not length.isdecimal():
            return errors.respond(request, problems.BAD_REQUEST)
        # Check the number of digits first: int() raises an error for thousands of digits.
        if len(length) > MAX_DIGITS or int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return errors.respond(request, problems.BODY_TOO_LARGE)
        if not _is_text_encoding(request.encoding):
            return errors.respond(request, problems.BAD_REQUEST)
        mistake = _mistake_in_json(request) if int(length) else None
        return errors.respond(request, mistake) if mistake else self.get_response(request)


def _is_text_encoding(name: str | None) -> bool:
    """Return True if Django can decode text with this encoding. It can't with `zlib`."""
    try:
        "".encode(name or "utf-8")
    except (LookupError, UnicodeError):
        return False
    return True


def _mistake_in_json(request: HttpRequest) -> Problem | None:
    """Return what is wrong with a body of JSON, or None."""
    # DRF also parses JSON if the type has a wildcard, and allauth for any type.
    is_allauths = bool(routes.stated(request, "reads_json"))
    is_json = request.content_type == "application/json" or "*" in (request.content_type or "")
    if not (is_json or is_allauths):
        return None
    try:
        found = _parsed(request.body)
    except (ValueError, RecursionError):
        return problems.MALFORMED_JSON
    # allauth would answer with an empty page. DRF's serializers name the mistake.
    is_refused = is_allauths and request.method != "GET" and not isinstance(found, dict)
    return problems.NO_OBJECT if is_refused else None


def _parsed(body: bytes) -> Any:
    """Return the value of this JSON. Raises `ValueError` or `RecursionError`.

    It must be in UTF-8 without a mark (RFC 8259 §8.1), have no member twice, and no NaN.
    """
    found = json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
    json.dumps(found, ensure_ascii=False, allow_nan=False).encode()  # 1e400 is read as infinite
    return found


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a member that is sent twice: parsers differ in which of the two they keep."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members
