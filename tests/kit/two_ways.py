"""Send one request through the gate, and through Django alone, as two WSGI calls with the same environ."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import HttpResponse
from django.test import RequestFactory

from config import bodies, incoming
from config.gate import answering
from tests.kit import forge

ME, VERIFY, SERVICES = "/api/me/", "/api/verify", "/api/verify/services"
REFRESH, CHECK, INTROSPECT = "/api/token/refresh/", "/api/token/verify/", "/api/token/introspect/"
REVOKE, OBTAIN = "/api/token/revoke/", "/api/token/"
FORM = "application/x-www-form-urlencoded"
MAX_BYTES = 2_500_000
TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
MASKS = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"expires=[^;]+"), "expires=<time>"),
    (re.compile(r"t=\d+"), "t=<seconds>"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "<time>"),
]
"""What differs between any two answers: new ids, new tokens, times."""


@dataclass
class Call:
    """A request, as plain as it can be; `more` adds to the environ, or takes away (None)."""

    method: str
    path: str
    body: bytes = b""
    type: str = "application/json"
    more: dict[str, Any] = field(default_factory=dict)

    def environ(self) -> dict[str, Any]:
        made = RequestFactory().generic(self.method, self.path, self.body, self.type).environ
        made["HTTP_HOST"] = "testserver"
        for name, value in self.more.items():
            if value is None:
                made.pop(name, None)
            else:
                made[name] = value
        return made


@dataclass(frozen=True)
class Answer:
    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def masked(self) -> "Answer":
        headers = tuple((name, _masked(value)) for name, value in self.headers)
        length = ("content-length", "<length>")
        is_token = b"eyJ" in self.body
        fixed = tuple(length if is_token and pair[0] == length[0] else pair for pair in headers)
        return Answer(self.status, tuple(sorted(fixed)), _masked(self.body.decode()).encode())

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name.lower())


def check(
    equal: Callable[[Call], tuple["Answer", bool]], call: Call, *, answers: bool, status: int
) -> None:
    """Fail unless both ways answer with this status, and the gate itself if it `answers`."""
    answer, by_gate = equal(call)
    assert (int(answer.status.split()[0]), by_gate) == (status, answers)


def by_site(environ: dict[str, Any]) -> tuple[Answer, bool]:
    """Answer as `config.wsgi` does. Returns the answer, and whether the gate gave it.

    `config.wsgi` itself refuses the tests' settings, which are not those of a deployment.
    """
    found = _called(answering.answer, environ)
    return found or by_django(environ), found is not None


def by_django(environ: dict[str, Any]) -> Answer:
    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read())
    bodies.measure(environ, max_bytes=MAX_BYTES)
    bodies.read_as_utf8(environ)
    incoming.prepare(environ)
    # As Django's own test client: the connection belongs to the test.
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    try:
        answer = _called(WSGIHandler(), environ)
    finally:
        request_started.connect(close_old_connections)
        request_finished.connect(close_old_connections)
    assert answer is not None
    return answer


def as_response(answer: Answer) -> HttpResponse:
    """Return the answer as Django's test client would."""
    response = HttpResponse(answer.body, status=int(answer.status.split()[0]))
    del response["Content-Type"]
    for name, value in answer.headers:
        if name == "set-cookie":
            response.cookies.load(value)
        else:
            response[name] = value
    response.json = lambda: json.loads(answer.body)  # type: ignore[attr-defined]  # as the client's
    return response


def _called(application: Any, environ: dict[str, Any]) -> Answer | None:
    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read())
    told: list[Any] = []
    parts = application(environ, lambda status, headers: told.append((status, headers)))
    if parts is None:
        assert not told
        return None
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    ((status, headers),) = told
    return Answer(status, tuple((name.lower(), value) for name, value in headers), body)


def _claims(found: re.Match[str]) -> str:
    """Return what a token says, without its times and its own id."""
    claims = forge.part(found[0], 1)
    differing = {"iat", "exp", "jti", "auth_time"}
    return str({name: "<new>" if name in differing else value for name, value in claims.items()})


def _masked(text: str) -> str:
    text = TOKEN.sub(_claims, text)
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return text
