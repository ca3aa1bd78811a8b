"""Simulate a service that verifies a token on every server all the time."""

import http.client
import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Self

from tests.cluster.load import PASSWORD, email
from tests.cluster.servers import Server
from tests.kit.waiting import wait_until

EVERY_SECONDS = 0.1


def token(port: int, context: ssl.SSLContext) -> str:
    """Get an access token from the API through nginx."""
    connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=20)
    body = json.dumps({"email": email(0), "password": PASSWORD})
    connection.request("POST", "/api/token/", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read()
    connection.close()
    assert response.status == 200, text
    return json.loads(text)["access"]


@dataclass
class Probe(threading.Thread):
    """Ask each server for `/api/verify` and `/livez` again and again inside the block."""

    servers: list[Server]
    access: str
    answered: int = 0
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(name="probe", daemon=True)
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            for server in self.servers:
                self._expect(server, "/api/verify", 204)
                self._expect(server, "/livez", 200)
            self._over.wait(EVERY_SECONDS)

    def _expect(self, server: Server, path: str, expected: int) -> None:
        started = time.monotonic()
        status, _ = server.ask(path, Authorization=f"Bearer {self.access}")
        self.answered += 1
        if status != expected:
            seconds = time.monotonic() - started
            self.wrong.append(f"{server.name} {path}: {status} after {seconds:.2f} s")

    def __enter__(self) -> Self:
        """Wait until each server has answered once, and so has read the signing keys."""
        self.start()
        wait_until(lambda: self.answered >= 2 * len(self.servers), "every server probed")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        self.join()

    __hash__ = threading.Thread.__hash__
