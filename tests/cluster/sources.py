"""Connect to Redis from one of this machine's addresses, which a test can cut off."""

import socket
from typing import Any

from redis import Connection
from typing_extensions import override


class FromOneAddress(Connection):
    def __init__(self, *, source: str, **options: Any) -> None:
        self._source = source
        super().__init__(**options)

    @override
    def _connect(self) -> socket.socket:
        connected = socket.create_connection(
            (self.host, self.port), self.socket_connect_timeout, (self._source, 0)
        )
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.settimeout(self.socket_timeout)
        return connected
