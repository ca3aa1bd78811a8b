"""Send requests to the site as a browser does, and keep the raw cookies and the certificate."""

import http.client
import ssl
from contextlib import closing
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

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


def ask(origin: str, path: str, *, seconds: float, **headers: str) -> Answer:
    """Send one GET and return the answer, even if it is a redirect.

    A name in `headers` has underscores for dashes. Raises `OSError` or `http.client.HTTPException`.
    """
    parts = urlsplit(origin)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=seconds)
    with closing(connection):
        connection.connect()
        sock = connection.sock
        certificate, tls = {}, ""
        if isinstance(sock, ssl.SSLSocket):
            certificate, tls = dict(sock.getpeercert() or {}), sock.version() or ""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers={"User-Agent": "munjigi-doctor", **named})
        response = connection.getresponse()
        return Answer(
            response.status, response.headers, response.read(MOST_BYTES), certificate, tls
        )
