"""Ask `/long` again and again, as a client of long polling does (`bench.ours.long_polling`)."""

import asyncio
import time
from dataclasses import dataclass

OK, ENDED = 200, 401


@dataclass
class Client:
    """A client on one connection. Counts its requests and bytes."""

    port: int
    token: str
    requests: int = 0
    sent: int = 0
    read: int = 0

    async def run(self, *, until: float) -> float | None:
        """Ask until this time (of `time.monotonic`). Returns when it heard that the sign-in has ended."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = (
            f"GET /long HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n\r\n"
        )
        try:
            while (left := until - time.monotonic()) > 0:
                writer.write(head.encode())
                self.requests += 1
                self.sent += len(head)
                async with asyncio.timeout(left):
                    status, body = await self._answer(reader)
                if status == ENDED or b"session.ended" in body:
                    return time.monotonic()
                if status != OK:
                    raise RuntimeError(f"{status}: {body!r}")
        except TimeoutError:
            pass  # the last request has no answer yet
        finally:
            writer.close()
        return None

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        body = await reader.readexactly(int(fields[b"content-length"]))
        self.read += len(head) + len(body)
        return int(head.split()[1]), body
