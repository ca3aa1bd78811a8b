"""A visitor's browser: one address, one connection, its cookies."""

import contextlib
import http.client
import re
import ssl
import time
from dataclasses import dataclass
from urllib.parse import urlencode

HOST = "localhost"
LOGIN, LOGOUT, HOME = "/accounts/login/", "/accounts/logout/", "/accounts/"
SESSION, CSRF = "__Host-session", "__Host-csrf"
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="(\w+)"')
REFUSAL = re.compile(rb'id="login_error".*?<span>(.*?)</span>', re.DOTALL)
ANSWER_SECONDS = 30
"""Longer than nginx waits for a server."""


@dataclass(frozen=True)
class Answer:
    method: str
    path: str
    started: float
    """By `time.monotonic()`."""
    seconds: float
    status: int
    """0 if the connection broke."""
    location: str
    retry_after: str
    cookies: dict[str, str]
    body: bytes
    error: str = ""

    @property
    def ended(self) -> float:
        return self.started + self.seconds

    @property
    def is_clean_503(self) -> bool:
        """True for our 503 page or nginx's: it has Retry-After and says that nobody is signed out."""
        return (
            self.status == 503
            and self.retry_after.isdecimal()
            and b"You have not been signed out" in self.body
        )

    @property
    def wipes_session(self) -> bool:
        return self.cookies.get(SESSION) == ""

    def __str__(self) -> str:
        refusal = REFUSAL.search(self.body)
        words = self.error or " ".join(
            [str(self.status), self.location, refusal[1].decode() if refusal else ""]
        )
        wiped = ", session cookie emptied" if self.wipes_session else ""
        return f"{self.method} {self.path}: {words.strip()} after {self.seconds:.2f} s{wiped}"


class Browser:
    def __init__(self, port: int, context: ssl.SSLContext, address: str) -> None:
        self.cookies: dict[str, str] = {}
        self.address = address
        self._connection = http.client.HTTPSConnection(
            HOST, port, context=context, timeout=ANSWER_SECONDS, source_address=(address, 0)
        )
        self._token = ""
        self._origin = f"https://{HOST}:{port}"

    def close(self) -> None:
        self._connection.close()

    def get(self, path: str) -> Answer:
        return self._ask("GET", path)

    def post(self, path: str, **form: str) -> Answer:
        """Send the form with the CSRF token of the last page that had a form."""
        return self._ask("POST", path, form | {"csrfmiddlewaretoken": self._token})

    def _ask(self, method: str, path: str, form: dict[str, str] | None = None) -> Answer:
        started = time.monotonic()
        headers = {
            "Cookie": "; ".join(f"{name}={self.cookies[name]}" for name in (SESSION, CSRF) if name in self.cookies),
            "Origin": self._origin,
            "Accept-Language": "en",
        }  # fmt: skip
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(form)
        try:
            status, location, retry_after, cookies, text = self._exchange(
                method, path, body, headers
            )
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            seconds = time.monotonic() - started
            return Answer(method, path, started, seconds, 0, "", "", {}, b"", repr(error))
        seconds = time.monotonic() - started
        self._keep(cookies)
        # A visitor reloads an error page, which sends the previous form again.
        if (found := TOKEN.search(text)) and status == 200:
            self._token = found[1].decode()
        return Answer(method, path, started, seconds, status, location, retry_after, cookies, text)

    def _exchange(self, method, path, body, headers):
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        cookies = dict(
            header.split(";", 1)[0].split("=", 1)
            for header in response.headers.get_all("Set-Cookie") or []
        )
        cookies = {name: value.strip('"') for name, value in cookies.items()}
        text = response.read()
        found = response.headers
        return (
            response.status,
            found.get("Location", ""),
            found.get("Retry-After", ""),
            cookies,
            text,
        )

    def _keep(self, cookies: dict[str, str]) -> None:
        for name, value in cookies.items():
            self.cookies[name] = value
            if not value:
                with contextlib.suppress(KeyError):
                    del self.cookies[name]
