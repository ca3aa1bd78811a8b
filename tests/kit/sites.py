"""Serve sites with odd answers from threads of the test."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def tls(directory: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "fullchain.pem", directory / "privkey.pem")
    return context


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """Accept connections and never answer. The kernel accepts them, so this needs no thread."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@contextlib.contextmanager
def dripping() -> Iterator[int]:
    """Send single bytes for ever, so that the time-out of a read never ends the request."""
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
    """The answer of an odd site for one path."""

    status: int = 200
    body: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    by_header: dict[str, "Page"] = field(default_factory=dict)
    """Instead, for a request that has this header."""
    echoes: str = ""
    """The request's header of this name comes back."""
    rest: str = ""
    """The second part of the body, which comes a second after the first."""


@contextlib.contextmanager
def site(pages: dict[str, Page], context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve these pages by path, and yield the site's origin."""

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
            self.send_header("Content-Length", str(len(body) + len(page.rest)))
            self.end_headers()
            self.wfile.write(body)
            if page.rest:
                time.sleep(1)
                self.wfile.write(page.rest.encode())

        def log_message(self, *_) -> None:
            """Write no log."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_) -> None:
            """Ignore errors: clients that refuse the certificate close the connection."""

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
