"""Run a small web server in one process. It prints one line and stops at once on SIGTERM or SIGINT."""

import argparse
import errno
import io
import json
import os
import re
import signal
import socketserver
import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from typing_extensions import override

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_BODY_BYTES = 64 * 1024
MAX_DRAINED_BYTES = 8 * 1024 * 1024
IDLE_SECONDS = 10
HIGHEST_PORT = 65535


def refuse_unless_demo(program: str) -> None:
    """Exit with status 2 unless DEMO=1: a stand-in, which checks no password, must not run elsewhere."""
    if os.environ.get("DEMO") != "1":
        print(
            f"{program}: refused to start. It signs in everybody without a password, so it runs "
            "for demos and tests only. To start it, set DEMO=1.",
            file=sys.stderr,
        )
        sys.exit(2)


def port_number(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,4}", text, re.ASCII) or int(text) > HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (1 to 65535)")
    return int(text)


def web_origin(text: str) -> str:
    """Return `scheme://host[:port]`, the form of the Origin header (RFC 6454 §6.1)."""
    if not re.fullmatch(
        r"https?://[A-Za-z0-9.\-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?", text
    ):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an origin, such as http://localhost:8000"
        )
    if urlsplit(text).hostname is None:
        raise argparse.ArgumentTypeError(f"{text!r} names no host")
    return text


class Server(socketserver.ThreadingMixIn, WSGIServer):
    # Daemon threads, so that a stop never waits for a browser's idle connection.
    daemon_threads = True

    @override
    def server_bind(self) -> None:
        """Bind as WSGIServer does, but without a reverse DNS query for the host's name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = (
            str(self.server_address[0]),
            int(self.server_address[1]),
        )
        self.setup_environ()

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """Print the error, except when the browser closed the connection during the answer."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # typeshed's private union


class Handler(WSGIRequestHandler):
    timeout = IDLE_SECONDS

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Log nothing, because authorisation codes are in query strings."""


def refusal(start_response: "StartResponse", status: str, description: str) -> list[bytes]:
    body = json.dumps({"error": "invalid_request", "error_description": description}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(
        status, [*headers, ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
    )
    return [body]


def with_whole_body(application: "WSGIApplication") -> "WSGIApplication":
    """Return an application that reads the whole body, then calls the given one.

    Refuses a body that is too large or incomplete.
    """

    def checked(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        length_text = environ.get("CONTENT_LENGTH") or "0"
        if "HTTP_TRANSFER_ENCODING" in environ:
            return refusal(start_response, "411 Length Required", "Send a Content-Length.")
        if not (length_text.isascii() and length_text.isdecimal()):
            return refusal(start_response, "400 Bad Request", "Content-Length is not a number.")
        length = int(length_text[:12])
        try:
            if length > MAX_BODY_BYTES:
                drain(environ["wsgi.input"].read, min(length, MAX_DRAINED_BYTES))
                return refusal(start_response, "413 Content Too Large", "The body is too large.")
            body = environ["wsgi.input"].read(length)
        except TimeoutError:
            body = b""
        if len(body) < length:
            return refusal(
                start_response, "408 Request Timeout", "The body did not arrive in full."
            )
        environ["wsgi.input"] = io.BytesIO(body)
        return application(environ, start_response)

    return checked


def drain(read: Callable[[int], bytes], length: int) -> None:
    """Read the rest of the body. Closing with unread bytes would reset the connection."""
    while length > 0 and (chunk := read(min(length, MAX_BODY_BYTES))):
        length -= len(chunk)


def serve(application: "WSGIApplication", *, host: str, port: int, line: str) -> NoReturn:
    def stop(_signal: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(0)

    try:
        server = Server((host, port), Handler)
    except (OSError, UnicodeError) as exc:
        taken = isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE
        reason = (
            "the port is in use; stop the other program or choose another --port"
            if taken
            else str(exc)
        )
        print(f"Cannot listen on {host}:{port}: {reason}.", file=sys.stderr)
        sys.exit(1)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.set_app(with_whole_body(application))
    print(line, flush=True)
    with server:
        server.serve_forever(poll_interval=0.2)
    sys.exit(0)
