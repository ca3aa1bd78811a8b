"""Add the parts that all answers have: headers, the log line, the metric of the duration."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from corsheaders.middleware import (
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS,
)
from django.conf import settings

from accounts import metrics
from config import request_lines
from config.headers import security

if TYPE_CHECKING:
    from config.gate.plain_requests import PlainRequest
    from config.gate.views import Route

Headers = list[tuple[str, str]]

JSON = "application/json"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
VARY = "Accept-Language, origin"
VARY_BY_COOKIE = f"Cookie, {VARY}"
STATUS = {200: "200 OK", 204: "204 No Content"}


@dataclass(slots=True)
class Answer:
    """A good answer. Without `members` it has no body."""

    headers: Headers
    members: dict[str, Any] | None = None
    status: int = 200
    is_by_cookie: bool = False
    """True if the answer depends on the session cookie."""


def packed(found: Answer, request: "PlainRequest") -> tuple[str, Headers, bytes]:
    """Return the status line, all headers and the body."""
    kind = "" if found.members is None else JSON
    headers = [
        *security(kind).items(),
        *found.headers,
        ("Vary", VARY_BY_COOKIE if found.is_by_cookie else VARY),
        ("Content-Language", request.language),
        ("X-Request-ID", request.id),
        *_for_frontends(request.environ.get("HTTP_ORIGIN")),
    ]
    body = b""
    if found.members is not None:
        body = rendered(found.members)
        headers.append(("Content-Type", JSON))
    if found.status != HTTPStatus.NO_CONTENT:  # RFC 9110 §8.6
        headers.append(("Content-Length", str(len(body))))
    return STATUS[found.status], headers, body


def rendered(members: dict[str, Any]) -> bytes:
    """Return this JSON as DRF's renderer writes it: UTF-8, without spaces, safe inside of JavaScript."""
    text = _encode(members)
    if not text.isascii():
        text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return text.encode()


def _for_frontends(origin: str | None) -> Headers:
    if origin not in settings.CORS_ALLOWED_ORIGINS:
        return []
    return [
        (ACCESS_CONTROL_ALLOW_ORIGIN, origin),
        (ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
        (ACCESS_CONTROL_EXPOSE_HEADERS, ", ".join(settings.CORS_EXPOSE_HEADERS)),
    ]


def note(route: "Route", request: "PlainRequest", *, seconds: float) -> None:
    """Note the duration, and write the log line of the request if its route has one."""
    if metrics.REQUESTS.listener is not None:
        metrics.REQUESTS.note(route.name, "2xx", amount=seconds)
    if route.is_logged:
        request_lines.write(code=200, request=f"{request.environ['REQUEST_METHOD']} {route.path}")
