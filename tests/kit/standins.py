"""Stand-ins of the providers as processes, and how a browser and an app meet them."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests

from tests.kit import processes
from tests.kit.ports import free_ports

MINJI = "minji.kim@example.com"
"""The first person of every stand-in."""
LINK_PAGE = "/accounts/3rdparty/link/"
CODE_PAGE = "/accounts/login/code/confirm/"
CLIENTS = {
    "google": ["google-web", "google-secret"],
    "kakao": [
        *("kakao-web", "kakao-secret"),
        *("--app-id", "424242", "--admin-key", "kakao-admin-key"),
    ],
    "naver": ["naver-web", "naver-secret"],
}
NATIVE = {"google": "google-ios", "kakao": "kakao-native"}


def start(module, *arguments, demo="1"):
    """Start a module of `demo`: the process and its one line, empty when it refused to start."""
    environment = {name: value for name, value in os.environ.items() if name != "DEMO"}
    process = processes.start(
        [sys.executable, "-m", module, *arguments],
        env=environment | ({"DEMO": demo} if demo else {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline()


def stop(process):
    process.kill()
    process.communicate()


@contextmanager
def running(module, *options):
    """Run a module of `demo` until the block ends: its port."""
    port = free_ports()
    process, line = start(module, "--port", str(port), *options)
    try:
        assert line, process.stderr.read()
        yield port
    finally:
        stop(process)


def running_for_the_site(name):
    """Run the stand-in of this provider for the client that the settings name: its port."""
    client_id, secret, *options = CLIENTS[name]
    arguments = ["--client-id", client_id, "--client-secret", secret, *options]
    callback = f"http://testserver/accounts/{name}/login/callback/"
    return running(f"demo.{name}", *arguments, "--redirect-uri", callback)


class StandIn:
    """A stand-in provider, as a browser and an app's SDK meet it."""

    def __init__(self, name, port):
        self.name = name
        self.origin = f"http://localhost:{port}"
        self.native_client = NATIVE.get(name)
        self.seen = 0

    def told(self, path):
        return requests.get(f"{self.origin}/{path}", timeout=20).json()

    def ended(self):
        """Whose connections were ended there in this test."""
        return self.told("ended")["ended"][self.seen :]

    def ask(self, path, **form):
        return requests.post(f"{self.origin}/{path}", data=form, timeout=20).json()

    def silently(self, url):
        """Where a browser is sent that was asked without a word (`prompt=none`)."""
        back = requests.get(url, allow_redirects=False, timeout=20).headers["Location"]
        return back.removeprefix("http://testserver")

    def misbehave(self, fault, at=""):
        answer = requests.post(
            f"{self.origin}/misbehave", data={"fault": fault, "at": at}, timeout=20
        )
        assert answer.status_code == 200, fault

    def native(self, **form):
        """What the SDK on a phone hands to its app: both tokens."""
        form = {"client_id": self.native_client} | form
        answer = requests.post(f"{self.origin}/native", data=form, timeout=20)
        return answer.json()

    def consent(self, url, *, choice="continue", identity=None, **form):
        """Where the browser is sent after somebody looked at the consent page and clicked."""
        page = requests.get(url, timeout=20)
        assert page.status_code == 200, page.text
        request_id = re.search(r'name="request" value="([^"]+)"', page.text)[1]
        first = re.search(r'name="identity" value="([^"]+)"', page.text)[1]
        answer = requests.post(
            f"{self.origin}/consent",
            data={"request": request_id, "identity": identity or first, "choice": choice} | form,
            allow_redirects=False,
            timeout=20,
        )
        assert answer.status_code == 303, answer.text
        back = urlsplit(answer.headers["Location"])
        return f"{back.path}?{back.query}"


def access_token_in(response):
    body = response.json()
    return body.get("access") or body.get("meta", {}).get("access_token")
