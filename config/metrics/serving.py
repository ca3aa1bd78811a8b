"""Answer `/metrics` on `METRICS_PORT`, for all processes of this machine, from one of them.

Each process starts a thread that tries to take the port. One of them gets it and answers for all; if its
process ends, the thread of another one takes the port within `RETRY_SECONDS`.
"""

import socket
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

from django.conf import settings
from structlog import get_logger
from typing_extensions import override

from accounts import metrics
from config.metrics import files, queues, recording

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric

PATH = "/metrics"
RETRY_SECONDS = 2.0
READ_SECONDS = 5.0
"""The longest wait for a client. The thread answers one client at a time."""

log = get_logger()


def start(role: str) -> None:
    """Record the metrics of this process and serve them, if `METRICS_PORT` is set.

    `role` is the name of the kind of process. Call it once, in a process that doesn't fork afterwards.
    """
    if not settings.METRICS_PORT:
        return
    recording.install()
    metrics.PROCESSES.note(role)
    threading.Thread(target=_serve_for_ever, name="metrics", daemon=True).start()


def answer() -> tuple[bytes, str]:
    """Return the values of all processes of this machine in Prometheus' text format, and its type."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest  # noqa: PLC0415 - after `files.prepare`

    files.tidy()
    registry = CollectorRegistry()
    registry.register(_Files())
    registry.register(queues.OutboxCollector())
    return generate_latest(registry), CONTENT_TYPE_LATEST


class _Files:
    """A collector of prometheus-client: the values of all processes, from their files."""

    def collect(self) -> "Iterable[Metric]":
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415 - after `files.prepare`

        values: Iterable[Metric] = MultiProcessCollector.merge(files.values(files.directory()))  # type: ignore[no-untyped-call]  # prometheus-client's
        return values


class Server(HTTPServer):
    """A server whose port only one process can have."""

    request_queue_size = 5

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Handler)

    @override
    def server_bind(self) -> None:
        # Not HTTPServer's, which looks up the name of this machine: that may take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.socket.getsockname()[:2]

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        log.exception("an answer of /metrics failed")  # noqa: LOG004 - socketserver calls it in its handler


class Handler(BaseHTTPRequestHandler):
    """Answer GET of `PATH`, and 404 for everything else."""

    timeout = READ_SECONDS
    server_version = "munjigi"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != PATH:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body, content_type = answer()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: Prometheus asks every few seconds."""


def _serve_for_ever() -> None:
    while True:
        try:
            with Server(settings.METRICS_HOST, settings.METRICS_PORT) as server:
                server.serve_forever()
        except OSError:
            # Another process of ours has the port. `doctor` finds out if it is another program.
            time.sleep(RETRY_SECONDS)
