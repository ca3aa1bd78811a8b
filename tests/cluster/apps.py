"""Simulate apps that sign in, refresh once and perhaps sign out, and compare with the database."""

import base64
import http.client
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

import psycopg

from tests.cluster.browser import ANSWER_SECONDS, HOST
from tests.cluster.load import AFTER_503_SECONDS, PASSWORD, SIGNS_OUT, TRIES, anywhere, email

THREADS = 2
NUMBERS = range(700, 1500)
"""Users that no browser of the load signs in as at the same time, as a rule."""
ROWS = "SELECT id::text, refresh_jti, revoked_at IS NOT NULL FROM accounts_authsession"


@dataclass
class App:
    """What the site has acknowledged to one app."""

    sid: str
    jti: str = ""
    """Of the newest refresh token that the app has got by a rotation."""
    is_ended: bool = False
    in_doubt: bool = False
    """True if the last call got no answer."""


class Apps:
    """Run apps inside the block. `lost` and `undone` compare them with a database afterwards."""

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext,
        *,
        numbers: Iterable[int] = NUMBERS,
        use: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Sign in as the users of these numbers. Each app calls `use` with its access token."""
        self.apps: list[App] = []
        self.failed: list[str] = []
        self.unsure = 0
        """Number of attempts to sign in that got no 200."""
        self._use = use
        self._port, self._context = port, context
        self._over = threading.Event()
        self._numbers = iter(numbers)
        self._addresses = anywhere(seed=1)
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(THREADS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait(self, rotations: int, *, most_seconds: float = 60) -> None:
        """Wait until this many rotations are acknowledged, or until the time is over."""
        deadline = time.monotonic() + most_seconds
        while self.rotations < rotations and time.monotonic() < deadline:
            time.sleep(0.1)

    @property
    def rotations(self) -> int:
        return sum(bool(app.jti) for app in self.apps)

    @property
    def endings(self) -> int:
        return sum(app.is_ended for app in self.apps)

    def lost(self, url: str) -> int:
        """Count the acknowledged rotations that this database doesn't have."""
        rows = _rows(url)
        sure = [app for app in self.apps if app.jti and not app.in_doubt]
        return sum(rows.get(app.sid, ("",))[0] != app.jti for app in sure)

    def undone(self, url: str) -> int:
        """Count the acknowledged ends that this database doesn't have: sign-ins that are back."""
        rows = _rows(url)
        return sum(app.is_ended and not rows.get(app.sid, ("", True))[1] for app in self.apps)

    def summary_of_calls(self) -> str:
        return f"{len(self.apps)} apps with {self.rotations} rotations"

    def summary(self, url: str) -> str:
        return (
            f"rotations {self.rotations}, lost {self.lost(url)}; "
            f"ended {self.endings}, back {self.undone(url)}"
        )

    def _run(self) -> None:
        while not self._over.is_set():
            with self._lock:
                number, address = next(self._numbers), next(self._addresses)
            connection = http.client.HTTPSConnection(
                HOST,
                self._port,
                context=self._context,
                timeout=ANSWER_SECONDS,
                source_address=(address, 0),
            )
            try:
                self._live(connection, number)
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
            finally:
                connection.close()

    def _live(self, connection: http.client.HTTPSConnection, number: int) -> None:
        pair = self._call(connection, "", email=email(number), password=PASSWORD)
        if pair is None:
            return
        app = App(_claims(pair["refresh"])["sid"], in_doubt=True)
        self.apps.append(app)
        key = secrets.token_urlsafe(24)
        pair = self._call(connection, "refresh/", refresh=pair["refresh"], retry_key=key)
        if pair is None:
            return
        app.jti, app.in_doubt = _claims(pair["refresh"])["jti"], False
        self._use(pair["access"])
        if number % SIGNS_OUT == 0:
            app.is_ended = self._call(connection, "revoke/", token=pair["refresh"]) is not None

    def _call(
        self, connection: http.client.HTTPSConnection, path: str, **body: str
    ) -> dict[str, Any] | None:
        """Repeat the call after each 503. Returns the answer of a 200, otherwise None."""
        for _ in range(TRIES):
            connection.request(
                "POST", f"/api/token/{path}", json.dumps(body), {"Content-Type": "application/json"}
            )
            # Counted before, because a broken connection brings no answer.
            self.unsure += not path
            response = connection.getresponse()
            text = response.read()
            if response.status == 200:
                self.unsure -= not path
                return json.loads(text or b"{}")
            if response.status != 503:
                self.failed.append(f"{path or 'sign-in'}: {response.status} {text[:200]!r}")
                return None
            time.sleep(AFTER_503_SECONDS)
        return None


def _rows(url: str) -> dict[str, tuple[str, bool]]:
    with psycopg.connect(url) as client:
        return {sid: (jti, ended) for sid, jti, ended in client.execute(ROWS)}


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
