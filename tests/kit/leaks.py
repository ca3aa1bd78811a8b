"""Run a service of leaked passwords that speaks the range protocol of Have I Been Pwned.

An answer has CRLF between its lines, and with `Add-Padding` filling lines with the count 0.
"""

import hashlib
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FILLING = 20


def sha1(password):
    return hashlib.sha1(password.encode()).hexdigest().upper()  # noqa: S324 - the protocol's


@dataclass
class Service:
    url: str = ""
    leaked: set = field(default_factory=set)
    asked: list = field(default_factory=list)
    """The path and headers of each request."""
    seconds: float = 0.0
    """How long it waits before it answers."""
    status: int = 200
    body: str | None = None
    """Sent in place of the right answer."""
    headers: dict = field(default_factory=dict)

    def answer(self, path, headers):
        self.asked.append((path, headers))
        time.sleep(self.seconds)
        if self.body is not None:
            return self.body
        prefix = path.removeprefix("/range/")
        hashes = [sha1(password) for password in self.leaked]
        lines = [f"{each[5:]}:37" for each in hashes if each.startswith(prefix)]
        if headers.get("Add-Padding") == "true":
            lines += [f"{sha1(f'filling {n}')[5:]}:0" for n in range(FILLING)]
        return "\r\n".join(sorted(lines))


@contextmanager
def service(*leaked):
    """Run the service during the block, and yield it."""
    state = Service(leaked=set(leaked))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = state.answer(self.path, dict(self.headers)).encode()
            self.send_response(state.status)
            for name, value in {"Content-Length": str(len(body)), **state.headers}.items():
                self.send_header(name, value)
            with suppress(OSError):  # the site has hung up
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *args):
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
