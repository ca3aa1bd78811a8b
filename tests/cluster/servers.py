"""The site's servers and the nginx in front of them."""

import contextlib
import http.client
import json
import sys
from collections import Counter
from pathlib import Path

from tests.kit import dockerfile, nginx
from tests.kit.processes import Process
from tests.kit.waiting import wait_until

GIVES_WAY = ["nice", "-n", "5"]
"""Gives Redis and its Sentinels priority: on a busy machine they would take the delay for an
outage, as they would on a server that is too slow."""


class Server(Process):
    """Runs `config.wsgi` by the command line of the image and of `serve`."""

    def __init__(self, directory: Path, number: int, port: int, env: dict[str, str]) -> None:
        arguments = [
            argument.replace("0.0.0.0", "127.0.0.1").replace("8000", str(port))  # noqa: S104
            for argument in dockerfile.command()[1:]
        ]
        super().__init__(
            f"site-{number}",
            [*GIVES_WAY, sys.executable, *arguments],
            directory,
            env=env | {"DJANGO_SETTINGS_MODULE": "tests.cluster.settings", "PORT": str(port)},
        )
        self.number, self.port = number, port

    def ask(self, path: str, **headers: str) -> tuple[int, bytes]:
        """Send a GET as nginx would pass it on. The status is 0 if the server does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"Host": "localhost", "X-Forwarded-Proto": "https"}
        try:
            connection.request("GET", path, headers=named)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def wait(self, path: str = "/readyz") -> None:
        wait_until(lambda: self.ask(path)[0] == 200, f"{self.name} ready", seconds=60, tail=self.tail)  # fmt: skip


class Balancer(Process):
    """Runs nginx with one of the shipped ways to choose a server."""

    def __init__(self, directory: Path, ports: list[int], method: str = "") -> None:
        self.directory = directory / "nginx"
        _, self.port = nginx.prepare(
            self.directory, ports, static=directory / "static", method=method
        )
        super().__init__("nginx", nginx.command(self.directory), directory)

    @property
    def certificate(self) -> Path:
        return self.directory / "fullchain.pem"

    def answers_by_server(self, since: int = 0) -> Counter[str]:
        """Count the requests that each server answered, after the first `since` lines of the log."""
        answered: Counter[str] = Counter()
        for line in self._log()[since:]:
            # After retries the line has all addresses in order; the last one answered.
            answered[json.loads(line)["upstream"].split(", ")[-1]] += 1
        return answered

    def lines(self) -> int:
        return len(self._log())

    def _log(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return (self.directory / "access.log").read_text().splitlines()
        return []
