"""Send requests to the site as a browser does, and keep the raw cookies and the certificate."""

import http.client
import ssl
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

from accounts import brand

MOST_BYTES = 512 * 1024


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes
    certificate: dict[str, Any]
    tls: str

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


@dataclass(frozen=True)
class Stream:
    """An answer that came in pieces. `lasted_seconds` begins with the first byte of its body."""

    status: int
    headers: Message
    body: bytes
    lasted_seconds: float


def ask(origin: str, path: str, *, seconds: float, **headers: str) -> Answer:
    """Send one GET and return the answer, even if it is a redirect.

    A name in `headers` has underscores for dashes. Raises `OSError` or `http.client.HTTPException`.
    """
    with closing(_connected(origin, seconds)) as connection:
        sock = connection.sock
        certificate, tls = {}, ""
        if isinstance(sock, ssl.SSLSocket):
            certificate, tls = dict(sock.getpeercert() or {}), sock.version() or ""
        response = _asked(connection, path, headers)
        return Answer(
            response.status, response.headers, response.read(MOST_BYTES), certificate, tls
        )


def listen(origin: str, path: str, *, seconds: float) -> Stream:
    """Send one GET, and measure how long the pieces of the answer take. Raises as `ask` does."""
    with closing(_connected(origin, seconds)) as connection:
        response = _asked(connection, path, {})
        body = response.read1(MOST_BYTES)
        began = time.monotonic()
        while len(body) < MOST_BYTES and (piece := response.read1(MOST_BYTES)):
            body += piece
        return Stream(response.status, response.headers, body, time.monotonic() - began)


def _connected(origin: str, seconds: float) -> http.client.HTTPConnection:
    parts = urlsplit(origin)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=seconds)
    connection.connect()
    return connection


def _asked(
    connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(
        "GET", path, headers={"User-Agent": f"{brand.product_token().lower()}-doctor", **named}
    )
    return connection.getresponse()
