"""Compare session engines: `python -m bench.ours.engines` prints Markdown tables.

Runs in one process, on the bench's PostgreSQL and a Redis with one replica, whose data it
deletes. Rounds take turns; the tables show medians. Django's engines use django-redis, as its
guide says.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.ours.settings")
django.setup()

from django.conf import settings  # noqa: E402 - needs the settings
from django.db import connection  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from redis import Redis  # noqa: E402

from accounts.people.models import User  # noqa: E402
from accounts.signins import sessions  # noqa: E402
from accounts.signins.models import AuthSession  # noqa: E402
from accounts.store import index  # noqa: E402
from bench.ours.seed import sign_ins  # noqa: E402

ROUNDS, EACH = 5, 100
SIGN_INS = 1000
STORED = 10_000
FEW, MANY = 1000, 1_000_000
FILL = """
for i = ARGV[1], ARGV[2] do
  local n = string.sub(redis.sha1hex(i) .. redis.sha1hex(i), 1, 43)
  local tag = '{' .. string.sub(n, 1, 4) .. '}:'
  redis.call('SET', 'session:' .. tag .. n, ARGV[3], 'PX', 1209600000)
  redis.call('SET', 'sid:' .. tag .. string.sub(n, 1, 36), n, 'EX', 1209600)
end
"""
AT_ONCE = 1_000
Entries = dict[str, Any]


class Engine:
    """One session engine, with the same four operations for each: create, read, touch, revoke."""

    def __init__(self, name: str, module: str, *, replicas: int = 0) -> None:
        self.name, self.replicas = name, replicas
        self.store = import_module(module).SessionStore
        self.is_ours = module == "accounts.store.engine"

    def create(self, entries: Entries) -> str:
        session = self.store()
        session.update(entries)
        session.save()
        return str(session.session_key)

    def read(self, key: str) -> Any:
        session = self.store(key)
        assert session["sid"]  # noqa: S101
        return session

    def touch(self, key: str) -> None:
        """Extend the session of an active visitor. Django's engines must save it for that."""
        session = self.read(key)
        session.slide() if self.is_ours else session.save()

    def revoke(self, key: str, entries: Entries) -> None:
        """End the session as a sign-out does."""
        if self.is_ours:
            index.drop(entries["sid"])
        else:
            self.store().delete(key)


def main() -> None:
    engines = [
        Engine("ours", "accounts.store.engine"),
        Engine("ours, a replica acknowledges", "accounts.store.engine", replicas=1),
        Engine("`cache`", "django.contrib.sessions.backends.cache"),
        Engine("`cached_db`", "django.contrib.sessions.backends.cached_db"),
        Engine("`db`", "django.contrib.sessions.backends.db"),
    ]
    say("| session engine | create µs | read µs | touch µs | revoke µs |\n|---|---|---|---|---|")
    for engine, costs in compare(engines).items():
        say(f"| {engine} | {' | '.join(f'{cost:.0f}' for cost in costs)} |")
    ours = engines[0]
    say(f"\nOne signed-in session takes {size_of_one(ours)} bytes of Redis, its index included.")
    end_all(ours)
    few, many = scale(ours)
    say(
        f"A read takes {few:.0f} µs with {FEW:,} sessions and {many:.0f} µs with {MANY:,}: "
        f"{many / few:.2f} times as long."
    )


def compare(engines: list[Engine]) -> dict[str, list[float]]:
    samples: dict[str, list[list[float]]] = {one.name: [[], [], [], []] for one in engines}
    for _ in range(ROUNDS):
        for engine in engines:
            settings.REDIS_REPLICA_ACKS = engine.replicas
            entries = [signed_in() for _ in range(EACH)]
            keys = []
            for one in entries:
                with clocked(samples[engine.name][0]):
                    keys.append(engine.create(one))
            for key, one in zip(keys, entries, strict=True):
                with clocked(samples[engine.name][1]):
                    engine.read(key)
                with clocked(samples[engine.name][2]):
                    engine.touch(key)
                with clocked(samples[engine.name][3]):
                    engine.revoke(key, one)
    settings.REDIS_REPLICA_ACKS = 0
    return {name: [median(each) for each in four] for name, four in samples.items()}


def size_of_one(engine: Engine) -> int:
    redis = patient()
    redis.flushall()
    before = _memory(redis)
    for _ in range(STORED):
        engine.create(signed_in())
    return round((_memory(redis) - before) / STORED)


def patient() -> Redis:
    """Return a Redis client without time-out: some calls of the bench take long."""
    return Redis.from_url(os.environ["REDIS_URL"])


def _memory(redis: Redis) -> int:
    """Return the bytes of Redis' data, without its buffers for replica, file and clients."""
    info = redis.info("memory")
    passing = ("mem_total_replication_buffers", "mem_aof_buffer", "mem_clients_normal")
    return int(info["used_memory"] - sum(info.get(name, 0) for name in passing))


def end_all(engine: Engine) -> None:
    user = User.objects.create_user(f"{uuid4()}@example.com")
    for row in sign_ins([user], SIGN_INS):
        engine.create(signed_in(user_id=str(user.pk), sid=str(row.pk)))
    calls: list[float] = []
    with CaptureQueriesContext(connection) as sql, clocked(calls):
        sessions.revoke_all(user, reason=sessions.Reason.PASSWORD_RESET)
    left = AuthSession.objects.for_user(user.pk).active().exists()
    assert not left, "some sign-ins of the user are still active"  # noqa: S101
    say(
        f"Ending all {SIGN_INS:,} sign-ins of a user takes {calls[0] / 1000:.0f} ms and "
        f"{len(sql)} SQL statements."
    )


def scale(engine: Engine) -> tuple[float, float]:
    """Return the median duration of a read in µs: with few sessions, and with many."""
    redis = patient()
    redis.flushall()
    keys = [engine.create(signed_in()) for _ in range(FEW)]
    few = median(reads(engine, keys))
    value = redis.get(next(redis.scan_iter("session:*")))
    for first in range(0, MANY, AT_ONCE):
        redis.eval(FILL, 0, first, first + AT_ONCE - 1, value)
    return few, median(reads(engine, keys))


def reads(engine: Engine, keys: list[str]) -> list[float]:
    times: list[float] = []
    for _ in range(3):
        for key in keys:
            with clocked(times):
                engine.read(key)
    return times


def signed_in(user_id: str = "", sid: str = "") -> Entries:
    """Return the entries that the sign-in page writes into a session."""
    return {
        "_auth_user_id": user_id or str(uuid4()),
        "_auth_user_backend": settings.AUTHENTICATION_BACKENDS[0],
        "_auth_user_hash": "0" * 64,
        "_session_expiry": settings.SESSION_COOKIE_AGE,
        "account_authentication_methods": [
            {"method": "password", "at": 1_800_000_000.123456, "email": "visitor@example.com"}
        ],
        "rights": "00",
        "sid": sid or str(uuid4()),
    }


@contextmanager
def clocked(times: list[float]) -> Iterator[None]:
    """Context manager: append the duration of its `with` block to `times`, in microseconds."""
    began = perf_counter()
    yield
    times.append((perf_counter() - began) * 1e6)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
