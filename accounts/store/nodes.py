"""Choose the server that has a key of a session, and send it commands.

One server has all keys, behind Sentinels or not. In a cluster each key is in one of 16,384 slots, by the tag in
its name (`index`), and each slot is on one primary (`slots`). A slot may move: the former node answers MOVED, or ASK
while the move goes on. Each command that is refused so goes to the node that the answer names, and no other is repeated.

Nothing here waits or retries: see `outage`.
"""

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django_redis import get_redis_connection
from redis import ConnectionPool, Redis
from redis.crc import key_slot
from redis.exceptions import AskError, MovedError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from typing_extensions import override

from accounts.store import slots, wire
from accounts.store.wire import Command

ALIAS = "sessions"
MOST_REDIRECTS = 5
MAP_SECONDS, MOVED_MAP_SECONDS = 0.1, 1.0
"""Fewest seconds between two readings of the map: after a failure, and after a slot has moved."""


class Nodes(ABC):
    """The servers that have the sessions."""

    @abstractmethod
    def address_of(self, name: str) -> str:
        """Return the address of the primary that has this key, '' if there is one server or none is known."""

    @abstractmethod
    def send(self, name: str, commands: Sequence[Command], *, acks: int = 0) -> list[Any]:
        """Send commands about this key in one round trip, and return their answers.

        With `acks`, so many replicas of the node must have what they wrote. Raises `RedisError` and
        `wire.NotAcknowledgedError`.
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
        """Raise `RedisError` if no server answers, or if no server of a cluster takes any command."""


class OneServer(Nodes):
    def __init__(self, client: Redis) -> None:
        self._client = client

    @override
    def address_of(self, name: str) -> str:
        return ""

    @override
    def send(self, name: str, commands: Sequence[Command], *, acks: int = 0) -> list[Any]:
        return wire.exchange(self._client, commands, acks=acks)

    @override
    def failed(self, error: Exception, address: str) -> None:
        is_alone = isinstance(error, wire.NotAcknowledgedError) or _has_no_replicas(error)
        if is_alone or isinstance(error, ReadOnlyError):
            # It was demoted, or it is cut off from its replicas and doesn't know yet that another one leads. A new
            # connection asks the Sentinels again.
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
        self._scheme = "rediss" if pool.get("ssl") else "redis"
        self._pool = {key: value for key, value in pool.items() if key != "ssl"}
        self._clients: dict[str, Redis] = {}
        addresses = [slots.address_of(host, port, asked="") for host, port in seeds]
        self._map = slots.SlotMap(addresses, self._client)

    @override
    def address_of(self, name: str) -> str:
        return self._map.primary(key_slot(name.encode()))

    @override
    def send(self, name: str, commands: Sequence[Command], *, acks: int = 0) -> list[Any]:
        answers: list[Any] = [None] * len(commands)
        todo = {(self._known(name), False): list(range(len(commands)))}
        for _ in range(1 + MOST_REDIRECTS):
            refused: dict[tuple[str, bool], list[int]] = {}
            for (address, is_asking), numbers in todo.items():
                some = [commands[number] for number in numbers]
                client = self._client(address)
                found = wire.exchange(client, some, acks=acks, is_asking=is_asking, but=AskError)
                for number, answer in zip(numbers, found, strict=True):
                    answers[number] = answer
                    if isinstance(answer, AskError):
                        refused.setdefault(self._followed(answer, address), []).append(number)
            if not refused:
                break
            todo = refused
        wire.raise_first(answers)
        return answers

    def _followed(self, redirect: AskError, asked: str) -> tuple[str, bool]:
        """Return the address that a refusal names, and whether the slot is still on its way."""
        address = slots.address_of(redirect.host, redirect.port, asked=asked)
        if not isinstance(redirect, MovedError):
            return address, True
        self._map.note(redirect.slot_id, address)
        self._map.read(fewest_seconds=MOVED_MAP_SECONDS, waits=False)
        return address, False

    @override
    def failed(self, error: Exception, address: str) -> None:
        self._map.read(fewest_seconds=MAP_SECONDS, avoid=address, waits=False)

    @override
    def leads(self, address: str) -> bool:
        return self._map.leads(address)

    @override
    def layout(self) -> list[str]:
        self.ping()
        return self._map.layout()

    @override
    def primaries(self) -> dict[str, Redis]:
        return {address: self._client(address) for address in {*self.layout()} - {""}}

    @override
    def ping(self) -> None:
        if not self._map.read():
            raise RedisConnectionError(self._map.trouble)

    def _known(self, name: str) -> str:
        if not self.address_of(name):
            self._map.read(fewest_seconds=MAP_SECONDS)
        address = self.address_of(name)
        if not address:
            raise RedisConnectionError("no node that answers knows who has this slot")
        return address

    def _client(self, address: str) -> Redis:
        client = self._clients.get(address)
        if client is None:
            self._forget_removed_nodes()
            url = f"{self._scheme}://{address}/0"
            client = Redis.from_pool(ConnectionPool.from_url(url, **self._pool))
            client = self._clients.setdefault(address, client)
        return client

    def _forget_removed_nodes(self) -> None:
        """Close the connections to nodes that have left: where addresses change, they would pile up."""
        for address in self._clients.keys() - self._map.addresses():
            gone = self._clients.pop(address, None)
            if gone is not None:
                gone.connection_pool.disconnect(inuse_connections=False)


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


def _has_no_replicas(error: Exception) -> bool:
    return isinstance(error, ResponseError) and "NOREPLICAS" in str(error)
