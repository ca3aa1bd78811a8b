"""Bound a call to another site: a deadline for the whole call, and a limit of bytes.

The time-outs of a socket bound each wait for the next bytes, so a server that sends one byte every few
seconds could hold its caller for hours. Here a separate thread makes the call, and the caller stops
waiting when the time is up.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

MAX_BYTES = 64 * 1024

T = TypeVar("T")


class Body(Protocol):
    """The body of an answer of urllib3."""

    def read1(self, amt: int) -> bytes: ...


class NoThreadError(Exception):
    """The process can start no thread for the call."""


class TooLargeError(Exception):
    """The answer is larger than the caller accepts."""


def within(
    seconds: float, work: Callable[[], T], *, name: str, at_end: Callable[[], None] | None = None
) -> T:
    """Return the result of `work`, which runs in its own thread, or raise its error.

    Raises `TimeoutError` after `seconds`: then the thread goes on, and its result is lost. It calls `at_end`
    when it ends. Raises `NoThreadError`, without a call of `at_end`, if no thread can start.
    """
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(work())
        except BaseException as exc:  # noqa: BLE001 - raised in the caller's thread
            answer.set_exception(exc)
        finally:
            if at_end:
                at_end()

    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError as exc:
        raise NoThreadError from exc
    return answer.result(timeout=seconds)


def read(body: Body, *, most: int, deadline: float) -> bytes:
    """Return the body. Raises `TooLargeError` above `most` bytes, `TimeoutError` after the deadline.

    `deadline` is a value of `time.monotonic`.
    """
    received = bytearray()
    while chunk := body.read1(most):
        received += chunk
        if len(received) > most:
            raise TooLargeError
        if time.monotonic() > deadline:
            raise TimeoutError
    return bytes(received)
