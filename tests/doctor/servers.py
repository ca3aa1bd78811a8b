"""Servers that a test starts and bends: Redis, its Sentinels, and sites with odd answers."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import redis

from config import embedded
from tests.ports import free_ports

START_SECONDS = 30
PASSWORD = "a-password-of-redis"


def tls(directory: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "fullchain.pem", directory / "privkey.pem")
    return context


@contextlib.contextmanager
def redis_server(directory: Path, *arguments: str, port: int = 0) -> Iterator[int]:
    """A Redis of its own on a port of loopback; as durable as the shipped one unless told."""
    port = port or free_ports()
    directory.mkdir(exist_ok=True)
    settings = ["--port", str(port), "--dir", str(directory), "--save", "", "--bind", "127.0.0.1"]
    settings += ["--repl-diskless-sync-delay", "0", "--appendonly", "yes"]
    command = [str(embedded.binary()), *settings, *arguments]
    with _running(command, port):
        yield port


@contextlib.contextmanager
def sentinel(directory: Path, group: str, primary: int, *, quorum: int = 2) -> Iterator[int]:
    port = free_ports()
    file = directory / f"sentinel-{port}.conf"
    file.write_text(
        f"port {port}\nbind 127.0.0.1\nsentinel monitor {group} 127.0.0.1 {primary} {quorum}\n"
        f"sentinel down-after-milliseconds {group} 2000\nsentinel failover-timeout {group} 3000\n"
    )
    with _running([str(embedded.binary()), str(file), "--sentinel"], port):
        yield port


@contextlib.contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        eventually(lambda: _accepts(port, process))
        yield
    finally:
        process.kill()
        process.wait(START_SECONDS)


def _accepts(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the server ended by itself"
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def eventually(is_so, *, seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)


def client(port: int, **options) -> redis.Redis:
    return redis.Redis(port=port, decode_responses=True, **options)


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """Accepts connections and never says a word: the kernel does that for whoever listens."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@contextlib.contextmanager
def dripping() -> Iterator[int]:
    """Sends a byte now and then for ever, so that no time-out of a read ever strikes."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=feed, args=server.accept()[:1], daemon=True).start()

        def feed(guest: socket.socket) -> None:
            with guest, contextlib.suppress(OSError):
                guest.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not over.wait(0.05):
                    guest.sendall(b".")

        threading.Thread(target=drip, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()


@dataclass
class Page:
    """One answer of an odd site."""

    status: int = 200
    body: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    by_header: dict[str, "Page"] = field(default_factory=dict)
    """Instead, for a request that has this header."""
    echoes: str = ""
    """The request's header of this name comes back."""


@contextlib.contextmanager
def site(pages: dict[str, Page], context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A site of these pages by path; its origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path, Page(404))
            for name, other in page.by_header.items():
                page = other if name in self.headers else page
            body = page.body.encode()
            self.send_response(page.status)
            for name, value in page.headers:
                self.send_header(name, value)
            if page.echoes:
                self.send_header(page.echoes, self.headers[page.echoes])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_) -> None:
            """Nobody reads it."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_) -> None:
            """Clients that refuse the certificate hang up."""

        def get_request(self):
            guest, address = super().get_request()
            return (context.wrap_socket(guest, server_side=True) if context else guest), address

    with Server(("127.0.0.1", 0), Handler) as server, serving(server):
        scheme = "https" if context else "http"
        yield f"{scheme}://localhost:{server.server_address[1]}"


@contextlib.contextmanager
def serving(server) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
