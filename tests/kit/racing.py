"""Threads that start in the same moment."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connections


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work(number)` in `count` threads that start together; what each returned or raised."""
    barrier = threading.Barrier(count)
    results = [None] * count

    def run(number: int) -> None:
        try:
            barrier.wait(60)
            results[number] = work(number)
        except Exception as error:  # the assertion shows it
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results
