"""Run the providers' stand-ins as processes, and call them as a browser and an app do."""

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
    """Start a module of `demo`. Return the process and its line, which is empty if it refused to start."""
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
    """Run a module of `demo` during the block, and yield its port."""
    port = free_ports()
    process, line = start(module, "--port", str(port), *options)
    try:
        assert line, process.stderr.read()
        yield port
    finally:
        stop(process)


def running_for_the_site(name):
    """Run the stand-in of this provider for the site's own client, and yield its port."""
    client_id, secret, *options = CLIENTS[name]
    arguments = ["--client-id", client_id, "--client-secret", secret, *options]
    callback = f"http://testserver/accounts/{name}/login/callback/"
    return running(f"demo.{name}", *arguments, "--redirect-uri", callback)


class StandIn:
    """Call a stand-in provider as a browser and an app's SDK do."""

    def __init__(self, name, port):
        self.name = name
        self.origin = f"http://localhost:{port}"
        self.native_client = NATIVE.get(name)
        self.seen = 0

    def read(self, path):
        return requests.get(f"{self.origin}/{path}", timeout=20).json()

    def ended(self):
        """Return the subjects whose connections the site ended during this test."""
        return self.read("ended")["ended"][self.seen :]

    def ask(self, path, **form):
        return requests.post(f"{self.origin}/{path}", data=form, timeout=20).json()

    def silently(self, url):
        """Follow a request with `prompt=none`, and return the path to which it redirects."""
        back = requests.get(url, allow_redirects=False, timeout=20).headers["Location"]
        return back.removeprefix("http://testserver")

    def misbehave(self, fault, at=""):
        answer = requests.post(
            f"{self.origin}/misbehave", data={"fault": fault, "at": at}, timeout=20
        )
        assert answer.status_code == 200, fault

    def native(self, **form):
        """Return the tokens that the provider's SDK gives to an app on a phone."""
        form = {"client_id": self.native_client} | form
        answer = requests.post(f"{self.origin}/native", data=form, timeout=20)
        return answer.json()

    def consent(self, url, *, choice="continue", identity=None, **form):
        """Open the consent page, choose an identity, and return the address of the redirect."""
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
