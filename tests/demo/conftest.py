"""Start each stand-in as its own process, on a free port."""

import base64
import hashlib
import re
import signal
import socket
import time
from contextlib import suppress
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from tests.kit.ports import free_ports
from tests.kit.rings import starts_processes
from tests.kit.standins import running, start, stop

REDIRECT_URI = "http://localhost:8000/callback/?from=demo"
VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
CLIENT = [
    "--client-id",
    "demo-client",
    "--client-secret",
    "demo-secret",
    "--redirect-uri",
    REDIRECT_URI,
]


class StandIn:
    """Call a stand-in as its client and its visitor do."""

    def __init__(self, port, authorize_path, token_path, scope):
        self.url = f"http://127.0.0.1:{port}"
        self.issuer = f"http://localhost:{port}"
        self.scope = scope
        self.authorize_path = authorize_path
        self.token_path = token_path
        self.redirect_uri = REDIRECT_URI

    def get(self, path, **options):
        return requests.get(self.url + path, allow_redirects=False, timeout=20, **options)

    def post(self, path, **options):
        return requests.post(self.url + path, allow_redirects=False, timeout=20, **options)

    def authorize(self, **changes):
        """Open the consent page. A change to None removes that parameter."""
        query = {
            "client_id": "demo-client",
            "redirect_uri": REDIRECT_URI,
            "response_type": "code",
            "scope": self.scope,
            "state": "state-1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        query = {name: value for name, value in (query | changes).items() if value is not None}
        return self.get(self.authorize_path, params=query)

    def decide(self, page, *, choice="continue", identity=None, **form):
        request_id = re.search(r'name="request" value="([^"]+)"', page.text)[1]
        first = re.search(r'name="identity" value="([^"]+)"', page.text)[1]
        fields = {"request": request_id, "identity": identity or first, "choice": choice}
        return self.post("/consent", data=fields | form)

    def code(self, *, identity=None, asking=None, **form):
        page = self.authorize(**(asking or {}))
        return answer_of(self.decide(page, identity=identity, **form))["code"]

    def exchange(self, code, /, **changes):
        form = {
            "grant_type": "authorization_code",
            "client_id": "demo-client",
            "client_secret": "demo-secret",
            "redirect_uri": REDIRECT_URI,
            "code": code,
            "code_verifier": VERIFIER,
        }
        return self.post(self.token_path, data=form | changes)

    def access_token(self, **options):
        return self.exchange(self.code(**options)).json()["access_token"]


def answer_of(response):
    """Return the parameters of a redirect to the client."""
    assert response.status_code == 303
    assert response.headers["Location"].startswith(REDIRECT_URI + "&")
    return dict(parse_qsl(urlsplit(response.headers["Location"]).query))


@pytest.fixture(scope="session")
@starts_processes
def google():
    with running("demo.google", *CLIENT) as port:
        yield StandIn(port, "/o/oauth2/v2/auth", "/token", "profile email")


@pytest.fixture(scope="session")
@starts_processes
def hasty_google():
    """Run a Google whose codes live for a tenth of a second."""
    with running("demo.google", *CLIENT, "--code-seconds", "0.1") as port:
        yield StandIn(port, "/o/oauth2/v2/auth", "/token", "profile email")


@pytest.fixture(scope="session")
@starts_processes
def kakao():
    with running("demo.kakao", *CLIENT, "--app-id", "424242") as port:
        yield StandIn(port, "/oauth/authorize", "/oauth/token", "")


@pytest.fixture(scope="session")
@starts_processes
def naver():
    with running("demo.naver", *CLIENT) as port:
        yield StandIn(port, "/oauth2.0/authorize", "/oauth2.0/token", "")


@pytest.fixture(scope="session")
@starts_processes
def frontend():
    with running(
        "demo.frontend", "--api", "http://localhost:8765", "--events", "http://localhost:8766"
    ) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
@starts_processes
def launch():
    """Start a module and return its process and its line. Stop all of them after the test."""
    started = []

    def begin(module, *arguments, demo="1"):
        process, line = start(module, *arguments, demo=demo)
        started.append(process)
        return process, line

    yield begin
    for process in started:
        stop(process)


@pytest.fixture
@starts_processes
def stop_status(launch):
    """Return a module's exit status after a signal that arrives during a visitor's request."""

    def measure(module, *arguments, by=signal.SIGTERM):
        port = str(free_ports())
        process, line = launch(module, "--port", port, *arguments)
        assert line, process.stderr.read()
        with socket.create_connection(("127.0.0.1", int(port))) as visitor:
            visitor.sendall(b"GET / HTTP/1.1\r\nX-Long: ")
            # The module answers a later visitor, so it already reads the request of the first.
            requests.get(f"http://127.0.0.1:{port}/nowhere", timeout=20)
            process.send_signal(by)
            deadline = time.monotonic() + 20
            while process.poll() is None:
                assert time.monotonic() < deadline, "the visitor holds it up"
                with suppress(ConnectionError):
                    visitor.sendall(b"x")
                time.sleep(0.05)
        return process.returncode

    return measure


@pytest.fixture
def answer():
    return answer_of


@pytest.fixture
def client_options():
    return CLIENT


@pytest.fixture
def port():
    return str(free_ports())
