"""Run the worker: do the jobs of the outbox, and chores at intervals."""

import logging
import signal
import threading
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection
from typing_extensions import override

from accounts.audit import chain, upkeep
from accounts.factors import resets
from accounts.operators import locks, proposals
from accounts.outbox import jobs
from accounts.signins import erasure
from accounts.support import figures
from api.keys import rotation
from config import retention
from config.metrics import serving

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tick:
    """A chore and its interval.

    Several workers may run a chore at the same time: the database lets only one of them rotate a
    key or seal audit events, and a second deletion finds nothing to delete.
    """

    every_seconds: float
    chore: Callable[[], object]


TICKS = [
    Tick(1, chain.seal),
    Tick(60, upkeep.sign_if_due),
    Tick(60, rotation.rotate_if_due),
    Tick(60, resets.carry_out_due),
    Tick(60, proposals.carry_out_due),
    Tick(10, locks.unlock_due),
    Tick(60, figures.count_if_due),
    Tick(600, erasure.erase_due),
    *(Tick(3600, rule.finish) for rule in retention.RULES),
]


class Command(BaseCommand):
    help = (
        "Send queued mail and messages to providers; seal the audit log; rotate signing keys, delete "
        "old rows and erase accounts when they are due."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--interval", type=float, default=0.5, help="Seconds between two queries for jobs."
        )
        parser.add_argument(
            "--batch", action="store_true", help="Do the jobs that are due, then stop."
        )

    @override
    def handle(self, **options: Any) -> None:
        if options["batch"]:
            for _ in jobs.run_due():
                pass
            return
        serving.start("worker")
        lanes = Lanes()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: lanes.stopping.set())
        threading.Thread(target=run_ticks, name="ticks", daemon=True).start()
        while not lanes.stopping.wait(options["interval"]):
            lanes.fill()
        lanes.finish()


class Lanes:
    """The lanes of this process that do jobs: threads, of each kind as many as its handler says.

    So a slow mail server doesn't delay messages to providers.
    """

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._lanes = jobs.lanes()
        self._pools = {kind: ThreadPoolExecutor(count, kind) for kind, count in self._lanes.items()}
        self._busy: Counter[str] = Counter()
        self._lock = threading.Lock()

    def fill(self) -> None:
        """Start as many free lanes as jobs are due. If the database is down, only log that."""
        try:
            for kind in self._pools:
                free = self._lanes[kind] - self._busy[kind]
                for _ in range(jobs.count_due(kind, most=free)):
                    self._start(kind)
        except DatabaseError:
            log.warning("jobs can't be read from the database", exc_info=True)
        finally:
            connection.close_if_unusable_or_obsolete()

    def finish(self) -> None:
        """Wait for the running jobs; no lane takes another one once `stopping` is set.

        A job that is killed is due again when its lease ends.
        """
        for pool in self._pools.values():
            pool.shutdown(wait=True)

    def _start(self, kind: str) -> None:
        with self._lock:
            self._busy[kind] += 1
        self._pools[kind].submit(self._work, kind)

    def _work(self, kind: str) -> None:
        """Do due jobs of this kind over one database connection, until none is due."""
        try:
            for _ in jobs.run_lane(kind, is_stopping=self.stopping.is_set):
                connection.close_if_unusable_or_obsolete()
        except DatabaseError:
            log.warning("jobs of kind %s wait for the database", kind, exc_info=True)
        except Exception:
            log.exception("a job of kind %s failed", kind)
        finally:
            connection.close()
            with self._lock:
                self._busy[kind] -= 1


def run_ticks() -> None:
    """Run each chore when it is due, for ever. A chore that fails runs again at its next time."""
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
