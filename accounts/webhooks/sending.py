"""Send one webhook: one connection to a checked address, no redirect, five seconds in all."""

import contextlib
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from http.client import HTTPException

import certifi
from django.utils import timezone
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from accounts import outward
from accounts.webhooks import addresses
from accounts.webhooks.addresses import IPAddress, LookUp, Target

TOTAL_SECONDS = 5.0
BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
MAX_PAUSE = timedelta(hours=1)
"""The longest pause that a receiver can ask for by `Retry-After`."""


class SendError(Exception):
    """No answer, or none that was read to its end. The text is the reason."""


class TimedOutError(SendError):
    """No answer in time: the receiver holds up its caller."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    retry_after: str = ""

    @property
    def pause(self) -> timedelta:
        """Return the pause that a busy receiver asks for (RFC 9110 §10.2.3), at most `MAX_PAUSE`."""
        if self.status not in BUSY:
            return timedelta()
        text = self.retry_after.strip()
        if text.isascii() and text.isdecimal():
            return timedelta(seconds=min(int(text[:9]), MAX_PAUSE.total_seconds()))
        try:
            until = parsedate_to_datetime(text)
            return min(max(until - timezone.now(), timedelta()), MAX_PAUSE)
        except (ValueError, TypeError, OverflowError):
            return timedelta()


class Call:
    """One call. `run` makes it in another thread, `end` ends that thread."""

    def __init__(
        self, target: Target, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> None:
        self._target, self._body, self._headers = target, body, headers
        self._connection: HTTPConnection | None = None
        self._deadline = time.monotonic() + seconds
        self._is_over = False

    def run(self, look_up: LookUp) -> Answer:
        found = addresses.resolve(self._target, look_up=look_up)
        last: Exception = SendError("no address")
        for address in found:
            connection = self._connection = self._to(address)
            try:
                connection.connect()
            except (HTTPError, OSError) as exc:
                last = exc
                connection.close()
                continue
            try:
                if self._is_over:  # `end` came before there was a socket to break
                    raise TimeoutError
                return self._exchange(connection)
            finally:
                connection.close()
        raise last

    def end(self) -> None:
        """Break the connection, so that a receiver that drips holds no thread."""
        self._is_over = True
        sock = self._connection and self._connection.sock
        if sock:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _to(self, address: IPAddress) -> HTTPConnection:
        """Return a connection to this address, whose certificate must have the name of the target."""
        seconds = self._deadline - time.monotonic()
        if self._is_over or seconds <= 0:
            raise TimeoutError
        if self._target.scheme == "http":
            return HTTPConnection(str(address), self._target.port, timeout=seconds)
        return HTTPSConnection(
            str(address),
            self._target.port,
            timeout=seconds,
            ssl_context=_trust(),
            server_hostname=self._target.host,
        )

    def _exchange(self, connection: HTTPConnection) -> Answer:
        connection.request(
            "POST",
            self._target.path,
            body=self._body,
            headers={"Host": self._target.netloc, "Accept-Encoding": "identity", **self._headers},
            preload_content=False,
            decode_content=False,
        )
        with contextlib.closing(connection.getresponse()) as response:
            body = outward.read(response, most=outward.MAX_BYTES, deadline=self._deadline)
            return Answer(response.status, body, response.headers.get("Retry-After", "")[:64])


def post(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    look_up: LookUp = addresses.look_up,
    seconds: float | None = None,
) -> Answer:
    """Send this body and return the answer, whatever its status, within these seconds, or `TOTAL_SECONDS`.

    Follows no redirect and uses no proxy. Raises `addresses.RefusedError`, `TimedOutError`, or `SendError`.
    """
    seconds = TOTAL_SECONDS if seconds is None else seconds
    call = Call(addresses.parse(url), body, headers, seconds)
    try:
        return outward.within(seconds, lambda: call.run(look_up), name="webhook")
    except TimeoutError as exc:
        raise TimedOutError("no answer in time") from exc
    except outward.NoThreadError as exc:
        raise SendError("no thread is left for the call") from exc
    except outward.TooLargeError as exc:
        raise SendError("the answer is too large") from exc
    except (HTTPError, HTTPException, OSError) as exc:
        if _is_time_out(exc):
            raise TimedOutError("no answer in time") from exc
        raise SendError(f"the call failed: {type(exc).__name__}") from exc
    finally:
        call.end()


def _is_time_out(error: Exception) -> bool:
    return "timeout" in type(error).__name__.lower()


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """Return the certificates that we trust: the system's (`SSL_CERT_FILE`) and certifi's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
