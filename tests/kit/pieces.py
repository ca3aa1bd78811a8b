"""Run a server that answers with given bytes, piece by piece."""

import re
import socket
import threading
from contextlib import contextmanager, suppress


def read(connection):
    """Read one request, head and body. Raises ConnectionAbortedError if the client leaves before its end."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += _more(connection)
    length = re.search(rb"Content-Length: (\d+)", got)
    while length and len(got.partition(b"\r\n\r\n")[2]) < int(length[1]):
        got += _more(connection)
    return got.decode()


def _more(connection):
    """Return what arrives next. Without this check, a thread would read the end of a connection for ever."""
    part = connection.recv(65536)
    if not part:
        raise ConnectionAbortedError
    return part


@contextmanager
def server(*pieces, every=0.0):
    """Answer each connection with these pieces. Yields the address and a list of received requests."""
    asked = []
    stopped = threading.Event()

    def serve(connection):
        with connection, suppress(OSError):
            asked.append(read(connection))
            for piece in pieces:
                connection.sendall(piece)
                if stopped.wait(every):
                    return

    def accept():
        with suppress(OSError):
            while not stopped.is_set():
                threading.Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/", asked
        finally:
            stopped.set()
            listener.shutdown(socket.SHUT_RDWR)
