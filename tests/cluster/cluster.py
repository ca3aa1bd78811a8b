"""The whole cluster: PostgreSQL with a standby, Redis with Sentinels, three servers, nginx."""

import os
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.cluster.browser import HOME, SESSION
from tests.cluster.load import CHANGERS, USERS, Load, SignIn, Tally, anywhere, changer, email
from tests.cluster.load import PASSWORD as VISITORS_PASSWORD
from tests.cluster.redis_servers import RedisServers
from tests.cluster.servers import Balancer, Server
from tests.cluster.valkey_servers import ValkeyServers
from tests.kit.database_pair import Databases
from tests.kit.ports import free_ports
from tests.kit.processes import ROOT
from tests.kit.waiting import wait_until

SERVERS = 3
CHECKERS = 8
VERIFY = "/api/verify"
OPENS, SHUT = {200, 204}, {302, 401}
PREPARE = f"""
import django; django.setup()
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from accounts.models import User

call_command("migrate", verbosity=0)
password = make_password({VISITORS_PASSWORD!r})
users = User.objects.bulk_create(
    User(email=email, password=password) for email in {[*map(email, range(USERS)), *map(changer, range(CHANGERS))]!r})
EmailAddress.objects.bulk_create(
    EmailAddress(user=user, email=user.email, verified=True, primary=True) for user in users)
"""


class Cluster:
    """Call `start()` once, then `serve(…)` for each store of sessions."""

    def __init__(
        self,
        directory: Path,
        *,
        servers: int = SERVERS,
        store: type[RedisServers] | type[ValkeyServers] = RedisServers,
    ) -> None:
        self.directory = directory
        (directory / "static").mkdir()
        self.postgres = Databases(directory)
        self.redis = store(directory)
        self.ports = [free_ports() for _ in range(servers)]
        self.servers: list[Server] = []
        self.balancer: Balancer | None = None
        self.serving: tuple[str, str, dict[str, str]] | None = None

    def start(self) -> None:
        self.postgres.start()
        with ThreadPoolExecutor(1) as background:
            prepared = background.submit(self._prepare)
            self.redis.start()
            prepared.result()

    def _prepare(self) -> None:
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PREPARE],
            env=os.environ | self.env() | {"DJANGO_SETTINGS_MODULE": "tests.cluster.settings"},
            cwd=ROOT,
            check=True,
            timeout=120,
        )

    def env(self) -> dict[str, str]:
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

    def serve(self, sessions: str = "own", *, method: str = "", **more: str) -> None:
        """Start three servers and nginx, with this store of sessions and this way to balance.

        `more` are more variables of the servers' environment.
        """
        if self.serving == (sessions, method, more):
            return
        self.stop_serving()
        directory = Path(tempfile.mkdtemp(prefix=f"{sessions}-", dir=self.directory))
        self.balancer = Balancer(directory, self.ports, method)
        self.servers = [
            Server(
                directory,
                number,
                port,
                self.env() | {"CLUSTER_SESSIONS": sessions} | self.redis.env_of(number) | more,
            )
            for number, port in enumerate(self.ports)
        ]
        for process in (*self.servers, self.balancer):
            process.start()
        for server in self.servers:
            server.wait()
        self.serving = (sessions, method, more)

    def revive(self) -> None:
        """Start every process that does not run."""
        if not self.postgres.is_running:
            self.postgres.start()
        for process in (*self.redis.nodes, *self.servers):
            if not process.is_running:
                process.start()

    def heal(self) -> None:
        """Start every process that does not run, and wait until all are healthy."""
        self.revive()
        self.postgres.heal()
        self.redis.start()
        for server in self.servers:
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

    def load(self, *, addresses: Iterator[str] | None = None, most_seconds: float = 90) -> Load:
        """Start the load of visitors."""
        load = Load(
            self.balancer.port,
            self.trust(),
            addresses=addresses or anywhere(),
            most_seconds=most_seconds,
        )
        load.start()
        return load

    def opens(self, server: Server, path: str, cookie: str) -> bool:
        """Return True if this cookie opens this path on this server. Repeat after a 503."""
        statuses = [0]

        def answered() -> bool:
            statuses.append(server.ask(path, Cookie=f"{SESSION}={cookie}")[0])
            return statuses[-1] in OPENS | SHUT

        wait_until(answered, f"answered for a cookie: {server.name}", seconds=60, tail=server.tail)
        return statuses[-1] in OPENS

    def lost_and_undone(self, tally: Tally) -> tuple[int, int]:
        """Count the lost sign-ins and the undone sign-outs, on all servers.

        Asks one server for the account's page and the others for `/api/verify`, which is cheaper
        but knows only our own sessions.
        """
        is_own = self.serving[:2] == ("own", "")

        def path(number: int, server: Server) -> str:
            return VERIFY if is_own and server.number != number % len(self.servers) else HOME

        def is_right(number: int, sign_in: SignIn) -> bool:
            return all(
                self.opens(server, path(number, server), sign_in.cookie) is not sign_in.signed_out
                for server in self.servers
            )

        sure = [each for each in tally.sign_ins if not each.in_doubt]
        with ThreadPoolExecutor(CHECKERS) as pool:
            right = pool.map(is_right, range(len(sure)), sure)
            wrong = [each for each, is_it in zip(sure, right, strict=True) if not is_it]
        undone = sum(each.signed_out for each in wrong)
        return len(wrong) - undone, undone
