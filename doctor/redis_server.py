"""Check the Redis server of the sessions: reachable, durable, enough memory, right clock."""

import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.conf import settings
from redis import Redis
from redis.exceptions import AuthenticationError, BusyLoadingError, RedisError, ResponseError

from config import redis as addresses
from doctor import clocks, redis_clients, redis_memory
from doctor.configuration import is_public
from doctor.findings import Area, Check, Finding, error, fault, ok, warning

OLDEST = (6, 2)
"""The oldest version that has all commands of the session store."""
SUPPORTED = (7, 2)
"""The oldest series with security fixes, by https://github.com/redis/redis/security. 7.0 ended on
2024-07-29; 6.2 still gets fixes, but its end is announced. Valkey reports 7.2.4 or newer here."""
PINGS = 3


class Server:
    """The primary: its client, and its answer to INFO, which several checks read."""

    @cached_property
    def client(self) -> Redis:
        return redis_clients.primary("sessions")

    @cached_property
    def info(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.info()
        return found

    def config(self, name: str) -> str | None:
        """Return a directive of redis.conf, or None if the server forbids CONFIG GET."""
        try:
            return self.client.config_get(name).get(name)
        except ResponseError:
            return None


def area() -> Area:
    server = Server()

    def about(probe: Callable[[Server], Finding]) -> Callable[[], Finding]:
        return lambda: _explained(probe, server)

    return Area(
        (
            Check("redis", about(reachable)),
            Check("redis version", about(version)),
            Check("redis persistence", about(persistence)),
            Check("redis eviction", about(eviction)),
            Check("redis memory", about(memory)),
            Check("redis replicas", about(replicas)),
            Check("redis clock", about(clock)),
            Check("redis databases", about(databases)),
        ),
        gated=True,
    )


def _explained(probe: Callable[[Server], Finding], server: Server) -> Finding:
    try:
        return probe(server)
    except AuthenticationError as exc:
        return error(f"{redis_clients.name('sessions')}: {exc}", f"Correct {_variable()}.")
    except BusyLoadingError as exc:
        advice = "Wait until the server has loaded its data."
        return error(f"{redis_clients.name('sessions')}: {exc}", advice)
    except ResponseError as exc:
        return warning(
            f"the server refuses to tell: {exc}",
            "Let the site's Redis user run PING, INFO and TIME.",
        )
    except RedisError as exc:
        where = redis_clients.name("sessions")
        advice = (
            "`manage.py serve` starts it."
            if settings.REDIS_IS_EMBEDDED
            else f"Start it, or correct {_variable()}: until then nobody can sign in."
        )
        return error(f"{where} doesn't answer: {exc}", advice)


def _variable() -> str:
    return "REDIS_SENTINELS and its password" if redis_clients.has_sentinels() else "REDIS_URL"


def reachable(server: Server) -> Finding:
    trips = []
    server.client.ping()  # opens the connection
    for _ in range(PINGS):
        began = time.monotonic()
        server.client.ping()
        trips.append(time.monotonic() - began)
    text = f"{redis_clients.name('sessions')} answers in {min(trips) * 1000:.1f} ms"
    if server.info["role"] != "master":
        return error(
            f"{text}, but it is a replica: nobody can sign in",
            "Set REDIS_URL to the address of the primary.",
        )
    if settings.REDIS_IS_EMBEDDED:
        return warning(
            f"{text}: the embedded server, which serves one machine only",
            "Set REDIS_URL for any other use.",
        )
    return ok(text)


def version(server: Server) -> Finding:
    number = str(server.info["redis_version"])
    text = f"Valkey {server.info['valkey_version']}" if "valkey_version" in server.info else number
    parts = tuple(int(part) for part in number.split(".")[:2])
    if parts < OLDEST:
        return error(f"{text} is too old", "Upgrade to 7.2 or newer.")
    if parts < SUPPORTED:
        advice = "Upgrade to 7.2 or newer, unless your distribution still patches it."
        return warning(f"{text}: its makers no longer patch this series", advice)
    return ok(text)


def persistence(server: Server) -> Finding:
    info = server.info
    if not info["aof_enabled"]:
        return fault(
            "no append-only file: a restart signs everybody out",
            "Set `appendonly yes` (deploy/redis/redis.conf).",
            is_grave=is_public(),
        )
    for write in ("aof_last_write_status", "aof_last_bgrewrite_status"):
        if info.get(write, "ok") != "ok":
            return error(f"{write} is {info[write]}", "See the server's log and its disk.")
    policy = server.config("appendfsync")
    if policy == "no":
        return warning(
            "append-only file, but no fsync: a crash of the machine loses the last sign-ins",
            "Set `appendfsync everysec`.",
        )
    return ok(f"append-only file, fsync {policy}" if policy else "append-only file")


def eviction(server: Server) -> Finding:
    policy = server.info["maxmemory_policy"]
    if policy == "noeviction":
        return ok(policy)
    return error(
        f"{policy}: when memory is full, Redis drops sessions and so signs users out",
        "Set `maxmemory-policy noeviction`.",
    )


def memory(server: Server) -> Finding:
    used = redis_memory.of(server.info)
    if not used.limit:
        return ok(f"{used.size} used")
    whose = "maxmemory" if used.has_maxmemory else "the machine's memory (maxmemory isn't set)"
    text = f"{used.size} used, {used.share:.0%} of {whose}"
    advice = "Raise maxmemory: when memory is full, nobody can sign in."
    return redis_memory.judge(used, text, advice)


def replicas(server: Server) -> Finding:
    info, wanted = server.info, int(getattr(settings, "REDIS_REPLICA_ACKS", 0))
    count = int(info["connected_slaves"])
    states = [info.get(f"slave{number}", {}) for number in range(count)]
    online = sum(state.get("state") == "online" for state in states)
    text = f"{online} online" if count == online else f"{online} of {count} online"
    if online < wanted:
        return error(
            f"{text}, but writes wait for {wanted}",
            "Start replicas, or lower REDIS_REPLICA_ACKS.",
        )
    if redis_clients.has_sentinels() and not online:
        return error(f"{text}: no replica for a fail-over", "Start a replica.")
    if online < count:
        return warning(text, "Read the replica's log: it is still copying, or the copy fails.")
    if not count:
        return ok("none: if this machine is lost, all browsers must sign in again")
    return ok(text)


def clock(server: Server) -> Finding:
    before = time.time()
    seconds, microseconds = server.client.time()
    return clocks.judge(
        theirs=int(seconds) + int(microseconds) / 1e6, before=before, after=time.time()
    )


def databases(server: Server) -> Finding:
    numbers = {
        alias: addresses.database_number(redis_clients.location(alias))
        for alias in ("sessions", "default")
    }
    try:
        other = redis_clients.primary("default").info("server")
    except RedisError as exc:
        return error(
            f"the cache at {redis_clients.name('default')} doesn't answer: {exc}",
            "Start it, or correct REDIS_CACHE_URL: rate limits are kept there.",
        )
    if server.info["run_id"] != other["run_id"]:
        return ok("sessions and cache on two servers")
    if numbers["sessions"] == numbers["default"]:
        return error(
            f"sessions and cache share database {numbers['sessions']}: "
            "clearing the cache signs everybody out",
            "Name another database in REDIS_CACHE_URL, or leave it empty.",
        )
    return ok(f"sessions in {numbers['sessions']}, cache in {numbers['default']}")
