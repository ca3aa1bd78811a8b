"""The worker: queued jobs, and what is due every now and then."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django_tasks_db.management.commands import db_worker

from accounts.federation.endings import unlinking
from accounts.signins import pruning
from api.keys import rotation

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tick:
    """A chore and how often it is due. Harmless when several workers do it: the database decides
    who rotates, and deleting twice deletes once.
    """

    every_seconds: float
    chore: Callable[[], object]


TICKS = [
    Tick(60, rotation.rotate_if_due),
    Tick(3600, lambda: list(pruning.prune())),
    Tick(3600, unlinking.resume),
]


class Command(db_worker.Command):
    help = "Send queued mail, tell providers; rotate signing keys and prune when that is due."

    def handle(self, **options: Any) -> None:
        threading.Thread(target=run_ticks, name="ticks", daemon=True).start()
        super().handle(**options)


def run_ticks() -> None:
    """For ever. A chore that fails, for whatever reason, is done when it is due again."""
    due = dict.fromkeys(range(len(TICKS)), 0.0)
    while True:
        for number, tick in enumerate(TICKS):
            if time.monotonic() >= due[number]:
                due[number] = time.monotonic() + tick.every_seconds
                _do(tick)
        time.sleep(1)


def _do(tick: Tick) -> None:
    try:
        tick.chore()
    except Exception:
        log.exception("a chore is postponed")
    finally:
        connection.close()
