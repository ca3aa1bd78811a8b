"""A whole deployment as shipped: PostgreSQL, Redis, mail, Granian, nginx with TLS."""

import atexit
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.fernet import Fernet

from tests.environment import PROVIDERS
from tests.kit import dockerfile, postgres, redis_servers, sites
from tests.kit.nginx import Edge, running
from tests.kit.ports import free_ports
from tests.kit.smtp import Mailbox, smtp

SECRETS = {
    "SECRET_KEY": "a-secret-key-of-fifty-characters-0123456789-abcdefg",
    "SESSION_ID_KEY": "a-session-id-key-0123456789-abcdef",
    "DATA_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
}
PREPARE = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=[
    "admin", "gis", "drf_spectacular_sidecar", "rest_framework"])
"""


class Deployment:
    """A running deployment: its environment, and `manage.py doctor` in it."""

    def __init__(self, edge: Edge, box: Mailbox, redis_port: int, database_url: str) -> None:
        self.edge, self.box, self.redis_port = edge, box, redis_port
        self.database = urlsplit(database_url)
        self.environment = {
            **os.environ,
            **dict.fromkeys(PROVIDERS, ""),
            **SECRETS,
            "SITE_URL": "https://auth.example.com",
            "ALLOWED_HOSTS": "localhost",
            "FRONTEND_ORIGINS": "https://app.example.com",
            "TRUSTED_PROXY_COUNT": "1",
            "STATIC_HASHED": "1",
            "VAR_DIR": str(edge.static.parent),
            "DATABASE_URL": database_url,
            "REDIS_URL": f"redis://:{redis_servers.PASSWORD}@127.0.0.1:{redis_port}/0",
            "EMAIL_URL": f"smtp+tls://munjigi:{box.password}@localhost:{box.port}",
            "DEFAULT_FROM_EMAIL": "Munjigi <no-reply@example.com>",
            "SSL_CERT_FILE": str(edge.directory / "fullchain.pem"),
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        self.addresses = [f"--url={edge.origin}", f"--http-url=http://localhost:{edge.http_port}"]

    def doctor(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the doctor. The deployment's own addresses come first, so that a test can override them."""
        return doctor(*self.addresses, *arguments, env=self.environment | env)


def doctor(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "doctor", *arguments],
        cwd=dockerfile.ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@contextlib.contextmanager
def deployed(directory: Path) -> Iterator[Deployment]:
    app_port = free_ports(2)
    events_port = app_port + 1
    edge = Edge(directory / "nginx", app_port, directory / "var" / "static", events_port)
    edge.static.parent.mkdir()
    password = ("--requirepass", redis_servers.PASSWORD)
    with (
        redis_servers.redis_server(directory / "redis", *password) as redis_port,
        smtp(sites.tls(edge.directory)) as box,
    ):
        deployment = Deployment(edge, box, redis_port, _database())
        options = {"env": deployment.environment, "cwd": dockerfile.ROOT}
        subprocess.run([sys.executable, "-W", "ignore", "-c", PREPARE], check=True, **options)
        command = [
            argument.replace("0.0.0.0", "127.0.0.1").replace("8000", str(app_port))  # noqa: S104
            for argument in dockerfile.command()
        ]
        with (
            running([sys.executable, *command[1:]], app_port, **options),
            running(
                [sys.executable, "manage.py", "events", f"--port={events_port}"],
                events_port,
                **options,
            ),
            running(edge.command(), edge.http_port),
        ):
            yield deployment


def _database() -> str:
    """Start PostgreSQL where its own account may read, until this process ends; return its URL."""
    directory = tempfile.TemporaryDirectory(prefix="munjigi-tests-")
    atexit.register(directory.cleanup)
    return postgres.start(Path(directory.name))
