"""Choose the server that has a key of a session, and send it commands.

One server has all keys, behind Sentinels or not. In a cluster each key is in one of 16,384 slots, by the tag in
its name (`index`), and each slot is on one primary. A slot may move: the former node answers MOVED, or ASK while
the move goes on. Each command that is refused so goes to the node that the answer names, and no other is repeated.

Nothing here waits or retries: see `outage`.
"""

import math
import os
import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.conf import settings
from django_redis import get_redis_connection
from redis import ConnectionPool, Redis
from redis.crc import key_slot
from redis.exceptions import AskError, MovedError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from typing_extensions import override

ALIAS = "sessions"
SLOTS = 16_384
MOST_REDIRECTS = 5
MOST_ASKED = 3
"""Most nodes to ask for the map of the slots, before the caller tries again."""
MAP_SECONDS, MOVED_MAP_SECONDS = 0.1, 1.0
"""Fewest seconds between two readings of the map: after a failure, and after a slot has moved."""

Command = tuple[Any, ...]
Send = Callable[[Sequence[Command]], list[Any]]
"""Sends commands in one round trip and returns their answers. Raises the first error."""


class NotAcknowledgedError(Exception):
    """Fewer replicas than `REDIS_REPLICA_ACKS` have confirmed the write."""


class Nodes(ABC):
    """The servers that have the sessions."""

    @abstractmethod
    def address_of(self, name: str) -> str:
        """Return the address of the primary that has this key, '' if there is one server or none is known."""

    @abstractmethod
    def send(self, name: str, commands: Sequence[Command], *, acks: int = 0) -> list[Any]:
        """Send commands about this key in one round trip, and return their answers.

        With `acks`, so many replicas of the node must have what they wrote. Raises `RedisError` and
        `NotAcknowledgedError`.
        """

    @abstractmethod
    def failed(self, error: Exception, address: str) -> None:
        """Learn from an error of this server: the next call may need another one."""

    @abstractmethod
    def leads(self, address: str) -> bool:
        """Return True if this server is a primary that has keys, as far as is known."""

    @abstractmethod
    def layout(self) -> list[str]:
        """Ask for the address of each slot's primary, and return them. Raises `RedisError`."""

    @abstractmethod
    def primaries(self) -> dict[str, Redis]:
        """Return a client of each primary, by its address. Raises `RedisError`."""

    @abstractmethod
    def ping(self) -> None:
        """Raise `RedisError` if no server answers."""


class OneServer(Nodes):
    def __init__(self, client: Redis) -> None:
        self._client = client

    @override
    def address_of(self, name: str) -> str:
        return ""

    @override
    def send(self, name: str, commands: Sequence[Command], *, acks: int = 0) -> list[Any]:
        return _exchange(self._client, commands, acks=acks)

    @override
    def failed(self, error: Exception, address: str) -> None:
        if isinstance(error, ReadOnlyError):
            # The primary was demoted. A new connection to the same address finds the new primary.
            self._client.connection_pool.disconnect(inuse_connections=False)

    @override
    def leads(self, address: str) -> bool:
        return not address

    @override
    def layout(self) -> list[str]:
        return [""]

    @override
    def primaries(self) -> dict[str, Redis]:
        return {"": self._client}

    @override
    def ping(self) -> None:
        self._client.ping()


class Cluster(Nodes):
    """Starts with the addresses of some nodes, and asks them for the map of the slots."""

    def __init__(self, seeds: Iterable[tuple[str, int]], pool: dict[str, Any]) -> None:
        self._seeds = [_address(host, port) for host, port in seeds]
        self._scheme = "rediss" if pool.get("ssl") else "redis"
        self._pool = {key: value for key, value in pool.items() if key != "ssl"}
        self._clients: dict[str, Redis] = {}
        self._map: list[str] = [""] * SLOTS
        self._others: list[str] = []  # replicas
        self._lock = threading.Lock()
        self._read_at = -math.inf
        self._has_map = False

    @override
    def address_of(self, name: str) -> str:
        return self._map[key_slot(name.encode())]

    @override
    def send(self, name: str, commands: Sequence[Command], *, acks: int = 0) -> list[Any]:
        answers: list[Any] = [None] * len(commands)
        todo = {(self._known(name), False): list(range(len(commands)))}
        for _ in range(1 + MOST_REDIRECTS):
            refused: dict[tuple[str, bool], list[int]] = {}
            for (address, is_asking), numbers in todo.items():
                some = [commands[number] for number in numbers]
                client = self._client(address)
                found = _exchange(client, some, acks=acks, is_asking=is_asking, but=AskError)
                for number, answer in zip(numbers, found, strict=True):
                    answers[number] = answer
                    if isinstance(answer, AskError):
                        refused.setdefault(self._followed(answer, address), []).append(number)
            if not refused:
                break
            todo = refused
        _raise_first(answers)
        return answers

    def _followed(self, redirect: AskError, asked: str) -> tuple[str, bool]:
        """Return the address that a refusal names, and whether the slot is still on its way."""
        address = _address(redirect.host or asked.rpartition(":")[0], redirect.port)
        if not isinstance(redirect, MovedError):
            return address, True
        self._map[redirect.slot_id] = address
        self._read_map(fewest_seconds=MOVED_MAP_SECONDS, waits=False)
        return address, False

    @override
    def failed(self, error: Exception, address: str) -> None:
        self._read_map(fewest_seconds=MAP_SECONDS, avoid=address)

    @override
    def leads(self, address: str) -> bool:
        return address in self._map

    @override
    def layout(self) -> list[str]:
        self.ping()
        return list(self._map)

    @override
    def primaries(self) -> dict[str, Redis]:
        return {address: self._client(address) for address in {*self.layout()} - {""}}

    @override
    def ping(self) -> None:
        if not self._read_map():
            raise RedisConnectionError("no node of the cluster answers")

    def _known(self, name: str) -> str:
        if not self.address_of(name):
            self._read_map(fewest_seconds=MAP_SECONDS)
        address = self.address_of(name)
        if not address:
            raise RedisConnectionError("no node that answers knows who has this slot")
        return address

    def _read_map(
        self, *, fewest_seconds: float = 0.0, avoid: str = "", waits: bool = True
    ) -> bool:
        """Read the map from any node, unless that was done just now. Returns False if none answered."""
        began = time.monotonic()
        if self._lock.acquire(blocking=waits):
            try:
                if began - self._read_at >= fewest_seconds:
                    self._has_map = any(map(self._read_from, self._to_ask(avoid)))
                    self._read_at = time.monotonic()
            finally:
                self._lock.release()
        return self._has_map

    def _to_ask(self, avoid: str) -> list[str]:
        """Return some nodes in any order: one that was away may have an old map."""
        known = {*self._map, *self._others} - {"", avoid}
        others = [each for each in [*self._seeds, avoid] if each and each not in known]
        return [*random.sample(sorted(known), len(known))[:MOST_ASKED], *others[:MOST_ASKED]]

    def _read_from(self, address: str) -> bool:
        try:
            (answer,) = _exchange(self._client(address), [("CLUSTER", "SLOTS")])
        except (RedisError, OSError):
            return False
        asked = address.rpartition(":")[0]
        found, others = [""] * SLOTS, set()
        for first, last, primary, *replicas in answer:
            # A node that doesn't know its own address leaves it out.
            found[first : last + 1] = [_told(primary, asked)] * (last + 1 - first)
            others |= {_told(each, asked) for each in replicas}
        if not any(found):
            return False
        self._map, self._others = found, sorted(others)
        return True

    def _client(self, address: str) -> Redis:
        client = self._clients.get(address)
        if client is None:
            url = f"{self._scheme}://{address}/0"
            client = Redis.from_pool(ConnectionPool.from_url(url, **self._pool))
            client = self._clients.setdefault(address, client)
        return client


class Made:
    """The servers that this process has made for its settings."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Call after a fork: a child must share no connection and no lock with its parent."""
        self._caches: Any = None
        self._nodes: Nodes | None = None
        self._lock = threading.Lock()

    def nodes(self) -> Nodes:
        if self._nodes is not None and self._caches is settings.CACHES:
            return self._nodes
        with self._lock:
            if self._nodes is None or self._caches is not settings.CACHES:
                self._nodes, self._caches = _make(), settings.CACHES
            return self._nodes


_made = Made()
os.register_at_fork(after_in_child=_made.forget)


def of_sessions() -> Nodes:
    """Return the servers of the sessions. All threads of the process share them."""
    return _made.nodes()


def _make() -> Nodes:
    options = settings.CACHES[ALIAS].get("OPTIONS", {})
    if seeds := options.get("CLUSTER"):
        return Cluster(seeds, options["CONNECTION_POOL_KWARGS"])
    return OneServer(get_redis_connection(ALIAS))


def _exchange(
    client: Redis,
    commands: Sequence[Command],
    *,
    acks: int = 0,
    is_asking: bool = False,
    but: type[Exception] | tuple[()] = (),
) -> list[Any]:
    """Send the commands on one connection, and return the answers.

    WAIT counts the writes of its own connection only. Raises the first error, except errors of type `but`, which are
    among the answers: what was refused so was not executed.
    """
    if not acks and not is_asking:  # most calls: they read
        answers, has_errors = _answers(client, commands)
        if has_errors:
            _raise_first(answers, but=but)
        return answers
    if is_asking:
        commands = [each for command in commands for each in (("ASKING",), command)]
    if acks:
        commands = [*commands, ("WAIT", acks, settings.REDIS_REPLICA_ACK_MS)]
    answers, has_errors = _answers(client, commands)
    count = answers.pop() if acks else 0
    if is_asking:
        answers = answers[1::2]
    if has_errors:
        _raise_first(answers, but=but)
    if acks and not (has_errors and all(isinstance(each, Exception) for each in answers)):
        _raise_first([count])
        if count < acks:
            raise NotAcknowledgedError("too few replicas have the write")
    return answers


def _answers(client: Redis, commands: Sequence[Command]) -> tuple[list[Any], bool]:
    """Send the commands in one round trip and return the answers, and whether errors are among them.

    A pipeline of redis-py does the same, but takes twice the time.
    """
    pool = client.connection_pool
    connection: Any = pool.get_connection()  # whose methods have no types
    answers: list[Any] = []
    has_errors = False
    try:
        connection.send_packed_command(connection.pack_commands(commands))
        for _ in commands:
            try:
                answers.append(connection.read_response())
            except ResponseError as error:
                answers.append(error)
                has_errors = True
    except BaseException:
        # Otherwise the next caller would read an answer that is left on the connection.
        connection.disconnect()
        raise
    finally:
        pool.release(connection)
    return answers, has_errors


def _raise_first(answers: Sequence[Any], *, but: type[Exception] | tuple[()] = ()) -> None:
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, but):
            raise answer


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _told(node: Sequence[Any], asked: str) -> str:
    host = (node[0] or b"").decode()
    return _address(host, node[1]) if host else f"{asked}:{node[1]}"
