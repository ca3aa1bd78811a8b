"""Everything together: PostgreSQL, Redis with Sentinels, three servers, nginx."""

import os
import signal
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.cluster.browser import HOME, SESSION
from tests.cluster.load import PASSWORD as VISITORS_PASSWORD
from tests.cluster.load import USERS, Load, SignIn, Tally, email, everybody_everywhere
from tests.cluster.postgres_server import Postgres
from tests.cluster.process import ROOT, wait_until
from tests.cluster.redis_servers import HOST, PASSWORD, RedisServers
from tests.cluster.servers import Balancer, Server
from tests.deploy.edge import free_port

SERVERS = 3
CHECKERS = 8
PREPARE = f"""
import django; django.setup()
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from accounts.models import User
from api import keys
call_command("migrate", verbosity=0)
password = make_password({VISITORS_PASSWORD!r})
users = User.objects.bulk_create(
    User(email=email, password=password) for email in {[email(n) for n in range(USERS)]!r})
EmailAddress.objects.bulk_create(
    EmailAddress(user=user, email=user.email, verified=True, primary=True) for user in users)
"""


class Cluster:
    """`start()` it once; `serve(…)` it with one store of sessions after the other."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "static").mkdir()
        self.postgres = Postgres(directory)
        self.redis = RedisServers(directory)
        self.ports = [free_port() for _ in range(SERVERS)]
        self.servers: list[Server] = []
        self.balancer: Balancer | None = None
        self.serving: tuple[str, str] | None = None

    def start(self) -> None:
        self.postgres.start()
        with ThreadPoolExecutor(1) as background:
            prepared = background.submit(self._prepare)
            self.redis.start()
            prepared.result()

    def _prepare(self) -> None:
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PREPARE],
            env=os.environ | self._env() | {"DJANGO_SETTINGS_MODULE": "tests.cluster.settings"},
            cwd=ROOT,
            check=True,
            timeout=120,
        )

    def _env(self) -> dict[str, str]:
        origin = f"https://localhost:{self.balancer.port}" if self.balancer else "https://localhost"
        return {
            "SITE_URL": origin,
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            "TRUSTED_PROXY_COUNT": "1",
            "DATABASE_URL": self.postgres.url,
            "VAR_DIR": str(self.directory),
            "LOG_LEVEL": "WARNING",
            "PYTHONWARNINGS": "ignore",
            **self.redis.env,
        }

    def serve(self, sessions: str = "own", *, method: str = "") -> None:
        """Three servers and nginx, with this store of sessions and this way to balance."""
        if self.serving == (sessions, method):
            return
        self.stop_serving()
        directory = self.directory / f"{sessions}-{method or 'round-robin'}".rstrip(";")
        directory.mkdir()
        self.balancer = Balancer(directory, self.ports, method)
        self.servers = [
            Server(
                directory,
                number,
                port,
                self._env()
                | {
                    "CLUSTER_SESSIONS": sessions,
                    "CLUSTER_NEAREST_REDIS": f"redis://:{PASSWORD}@{HOST}:{near.port}/0",
                },
            )
            for number, (port, near) in enumerate(zip(self.ports, self.redis.servers, strict=True))
        ]
        for process in (*self.servers, self.balancer):
            process.start()
        for server in self.servers:
            server.wait()
        self.serving = (sessions, method)

    def heal(self) -> None:
        """Whatever isn't running is started; returns when everything is well."""
        if not self.postgres.is_running:
            self.postgres.start()
        self.redis.start()
        for server in self.servers:
            if not server.is_running:
                server.start()
            server.wait()

    def stop_serving(self) -> None:
        for process in (self.balancer, *self.servers):
            if process is not None:
                process.tell_parent(signal.SIGTERM)
        for process in (self.balancer, *self.servers):
            if process is not None:
                process.stop()
        self.servers, self.balancer, self.serving = [], None, None

    def stop(self) -> None:
        self.stop_serving()
        self.redis.stop()
        self.postgres.stop()

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.balancer.certificate)

    def load(self, *, most_seconds: float = 60) -> Load:
        """Visitors start to come."""
        load = Load(
            self.balancer.port,
            self.trust(),
            addresses=everybody_everywhere(),
            most_seconds=most_seconds,
        )
        load.start()
        return load

    def opens(self, server: Server, cookie: str) -> bool:
        """Does this cookie open the account's page here? A 503 is asked again."""
        status = 503

        def answered() -> bool:
            nonlocal status
            status, _ = server.ask(HOME, Cookie=f"{SESSION}={cookie}")
            return status in {200, 302}

        wait_until(answered, f"{server.name} answers for a cookie ({status})", tail=server.tail)
        return status == 200

    def lost_and_undone(self, tally: Tally) -> tuple[int, int]:
        """Sign-ins that are gone and sign-outs that didn't last, on whichever server."""
        sure = [each for each in tally.sign_ins if not each.in_doubt]

        def is_right(sign_in: SignIn) -> bool:
            return all(
                self.opens(server, sign_in.cookie) is not sign_in.signed_out
                for server in self.servers
            )

        with ThreadPoolExecutor(CHECKERS) as pool:
            wrong = [each for each, right in zip(sure, pool.map(is_right, sure), strict=True) if not right]  # fmt: skip
        undone = sum(each.signed_out for each in wrong)
        return len(wrong) - undone, undone
