"""Run a mail server with the part of RFC 5321 that a client needs to sign in and send."""

import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

from tests.kit.sites import serving


@dataclass
class Mailbox:
    """The received mails, and the server's behaviour."""

    context: ssl.SSLContext | None
    """The server offers STARTTLS if it has a context."""
    port: int = 0
    received: list[str] = field(default_factory=list)
    password: str = "right-password"
    refused: str = "nobody@example.com"
    most: int = 0
    """Mails that the server takes over one connection before it ends it. 0: any number."""
    late: bool = False
    """The server takes the mail, and ends the connection before it has answered."""
    keeps: bool = True
    """False: the server forgets the mails, and only counts them."""
    connections: list[int] = field(default_factory=list)
    """The number of mails that came over each connection, in the order of their begin."""
    is_open: list[bool] = field(default_factory=list)
    """For each of them, whether it is open."""
    sockets: list[socket.socket] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def hang_up(self) -> None:
        """End all open connections, as a server does with idle ones."""
        for each, is_open in zip(self.sockets, self.is_open, strict=True):
            if is_open:
                each.shutdown(socket.SHUT_RDWR)


class Server(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, box: Mailbox) -> None:
        self.box = box
        super().__init__(("127.0.0.1", 0), Handler)
        box.port = self.server_address[1]

    def handle_error(self, *_) -> None:
        """Ignore errors: the tests make clients close the connection."""


class Handler(StreamRequestHandler):
    timeout = 30

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def handle(self) -> None:
        self.box = self.server.box
        self.is_safe = self.box.context is None
        with self.box.lock:
            self.number = len(self.box.connections)
            self.box.connections.append(0)
            self.box.is_open.append(True)
            self.box.sockets.append(self.request)
        self.say("220 localhost ESMTP")
        while line := self.rfile.readline().decode().strip():
            verb = line.split()[0].lower()
            getattr(self, f"do_{verb}", self.do_other)(line)
            if verb == "quit":
                return

    def do_other(self, line: str) -> None:
        self.say("250 ok")

    def do_quit(self, line: str) -> None:
        self.say("221 bye")

    def do_ehlo(self, line: str) -> None:
        self.say("250-localhost")
        self.say("250 AUTH PLAIN" if self.is_safe else "250 STARTTLS")

    def do_starttls(self, line: str) -> None:
        self.say("220 go ahead")
        with contextlib.suppress(OSError):  # a client that refuses the certificate hangs up
            self.request = self.box.context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
        self.is_safe = True

    def do_auth(self, line: str) -> None:
        password = base64.b64decode(line.split()[2]).split(b"\0")[2].decode()
        fits = password == self.box.password
        self.say("235 welcome" if fits else f"535 5.7.8 no, {password} is wrong")

    def do_mail(self, line: str) -> None:
        if self.box.most and self.box.connections[self.number] >= self.box.most:
            self.say("421 too many mails over this connection")
            raise ConnectionAbortedError
        self.say("250 ok")

    def do_rcpt(self, line: str) -> None:
        self.say("550 no such user" if self.box.refused in line else "250 ok")

    def do_data(self, line: str) -> None:
        self.say("354 go ahead")
        lines = iter(lambda: self.rfile.readline().decode(), ".\r\n")
        text = "".join(lines)
        if self.box.keeps:
            self.box.received.append(text)
        self.box.connections[self.number] += 1
        if self.box.late:
            raise ConnectionAbortedError
        self.say("250 ok")

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.request.close()
        self.box.is_open[self.number] = False


@contextlib.contextmanager
def smtp(context: ssl.SSLContext | None = None, **behaviour: Any) -> Iterator[Mailbox]:
    box = Mailbox(context, **behaviour)
    with Server(box) as server, serving(server):
        yield box
