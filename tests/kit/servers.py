"""Run two servers of the site as real processes that share a database and a Redis."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import redis

from config import embedded
from tests.kit import processes
from tests.kit.ports import free_ports
from tests.kit.processes import ROOT
from tests.kit.waiting import wait_until

START_SECONDS = 30
STOP_SECONDS = 20
CREATE_USER = """
from allauth.account.models import EmailAddress
from accounts.models import User
for email in {emails!r}:
    user = User.objects.create_user(email, {password!r})
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
"""


class Cluster:
    """Run Redis and `count` Granian servers as `manage.py serve` does, but with rare polls."""

    def __init__(self, directory: Path, database_url: str, count: int = 2) -> None:
        self.directory = directory
        self.first_port = free_ports(count)
        self.ports = [self.first_port + number for number in range(count)]
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PORT": str(self.first_port),
            # All servers must use the same issuer.
            "SITE_URL": f"http://localhost:{self.first_port}",
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "VAR_DIR": str(directory),
            "DATABASE_URL": database_url,
            "REDIS_URL": f"unix://{embedded.socket_path(directory)}?db=0",
            "PYTHONWARNINGS": "ignore",
        }
        self.redis: subprocess.Popen[bytes] | None = None
        self.servers: list[subprocess.Popen[bytes]] = []
        self.log = directory / "servers.log"

    def start(self) -> None:
        self.start_redis()
        self.manage("migrate", "--verbosity=0")
        with self.log.open("w") as log:
            for port in self.ports:
                self.servers.append(
                    processes.start(
                        [
                            *(sys.executable, "-m", "granian", "--interface=wsgi"),
                            *("--host=127.0.0.1", f"--port={port}", "--workers=1"),
                            *("--blocking-threads=8", "--workers-kill-timeout=3"),
                            *("--no-ws", "--log-level=error", "tests.kit.bell_only:application"),
                        ],
                        env=self.environment | {"PORT": str(port)},
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
        for number in range(len(self.ports)):
            self._wait_for(number)

    def start_redis(self) -> None:
        embedded.socket_path(self.directory).unlink(missing_ok=True)
        self.redis = processes.start(embedded.command(self.directory), start_new_session=True)
        wait_until(self._redis_answers)

    def _redis_answers(self) -> bool:
        assert self.redis is not None
        assert self.redis.poll() is None
        with contextlib.suppress(redis.ConnectionError):
            return self.ask_redis("PING")
        return False

    def ask_redis(self, *command: str, database: int = 0):
        path = str(embedded.socket_path(self.directory))
        with redis.Redis(unix_socket_path=path, db=database) as client:
            return client.execute_command(*command)

    def wait_until_all_listen(self) -> None:
        """Wait until every server has subscribed to the bell. Each server starts at its first token."""
        wait_until(lambda: self._listening() == len(self.ports))

    def _listening(self) -> int:
        channels = self.ask_redis("PUBSUB", "CHANNELS", "munjigi:revocations:*")
        return self.ask_redis("PUBSUB", "NUMSUB", *channels)[1] if channels else 0

    def kill_redis(self) -> None:
        assert self.redis is not None
        self.redis.send_signal(signal.SIGKILL)
        self.redis.wait(STOP_SECONDS)

    def manage(self, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def _wait_for(self, number: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert self.servers[number].poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.call(number, "GET", "/livez")[0] == 200:
                    return
            time.sleep(0.05)

    def stop(self) -> None:
        for process in [*self.servers, *([self.redis] if self.redis else [])]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in [*self.servers, *([self.redis] if self.redis else [])]:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def sign_in_by_page(self, number: int, email: str, password: str) -> str:
        """Sign in by the form of server `number`, and return the session cookie."""
        path = "/accounts/login/"
        csrf = cookie_in(self._ask(number, "GET", path)[0], "csrf")
        form = urlencode({"login": email, "password": password, "csrfmiddlewaretoken": csrf})
        headers = {"Cookie": f"csrf={csrf}", "Content-Type": "application/x-www-form-urlencoded"}
        response, _ = self._ask(number, "POST", path, form, headers)
        assert response.status == 302
        return cookie_in(response, "session")

    def call(self, number, method, path, body=None, *, token="", cookie="", timeout=30):
        """Send one request to server `number`. Return the status and the body."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if cookie:
            headers["Cookie"] = f"session={cookie}"
        data = None if body is None else json.dumps(body)
        response, raw = self._ask(number, method, path, data, headers, timeout=timeout)
        return response.status, json.loads(raw) if raw else None

    def _ask(self, number, method, path, data=None, headers=(), *, timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[number], timeout=timeout)
        try:
            connection.request(method, path, data, dict(headers))
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()


def cookie_in(response: http.client.HTTPResponse, name: str) -> str:
    jar = SimpleCookie("; ".join(response.headers.get_all("Set-Cookie", [])))
    return jar[name].value
