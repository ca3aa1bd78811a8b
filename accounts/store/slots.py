"""Know which primary of a cluster has each slot, as the nodes themselves tell.

A key is in one of 16,384 slots. A slot may move, a primary may die, and nodes come and go, so the map is read again
after each failure and after each answer MOVED. A node may tell an old map: one that was away, or one that a broken
network separates from the others. So a node counts only if it says that the cluster works, which a node without
a majority of the primaries denies after `cluster-node-timeout`, and no node is the first to be asked.
"""

import math
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from accounts.store import wire

SLOTS = 16_384
MOST_ASKED = 3
"""Most known nodes to ask for the map, and most others, before the caller tries again."""
WORKS = b"cluster_state:ok"
NOBODY_ANSWERS = "no node of the cluster answers"
IS_DOWN = "the nodes of the cluster that answer say that it is down"


class SlotMap:
    """The address of each slot's primary. All threads share it."""

    def __init__(self, seeds: Iterable[str], client: Callable[[str], Redis]) -> None:
        """Start without a map. `seeds` are the addresses of some nodes, `client` connects to an address."""
        self._seeds = list(seeds)
        self._client = client
        self._primaries = [""] * SLOTS
        self._leaders = {""}
        self._replicas: list[str] = []
        self._teller = ""
        """The node that told the map."""
        self._lock = threading.Lock()
        self._read_at = -math.inf
        self.trouble = NOBODY_ANSWERS
        """Why the last reading failed, or '' if it succeeded."""

    def primary(self, slot: int) -> str:
        """Return the address of this slot's primary, '' if none is known."""
        return self._primaries[slot]

    def layout(self) -> list[str]:
        return list(self._primaries)

    def leads(self, address: str) -> bool:
        """Return True if this node has slots. For '', return True if a slot has no known primary."""
        return address in self._leaders

    def addresses(self) -> set[str]:
        """Return all nodes that are known, with those that the settings name."""
        return {*self._leaders, *self._replicas, *self._seeds} - {""}

    def note(self, slot: int, address: str) -> None:
        """Note that a node has named this one as the slot's primary."""
        self._primaries[slot] = address
        self._leaders = {*self._leaders, address}

    def read(self, *, fewest_seconds: float = 0.0, avoid: str = "", waits: bool = True) -> bool:
        """Read the map from any node, unless that was done in the last `fewest_seconds`.

        Returns False if the last reading failed; then the map is the one before. Asks the node `avoid` last. Without
        `waits`, does nothing while another thread reads: nodes that are down may hold that thread for seconds.
        """
        began = time.monotonic()
        if self._lock.acquire(blocking=waits):
            try:
                if began - self._read_at >= fewest_seconds:
                    self.trouble = self._ask_in_turn(avoid)
                    self._read_at = time.monotonic()
            finally:
                self._lock.release()
        return not self.trouble

    def _ask_in_turn(self, avoid: str) -> str:
        trouble = NOBODY_ANSWERS
        for address in self._to_ask(avoid):
            try:
                works = self._read_from(address)
            except (RedisError, OSError):
                continue
            if works:
                self._teller = address
                return ""
            trouble = IS_DOWN
        return trouble

    def _to_ask(self, avoid: str) -> list[str]:
        """Return some known nodes in any order, then the one that answered last, then others."""
        known = {*self._leaders, *self._replicas} - {"", avoid}
        some = random.sample(sorted(known), min(len(known), MOST_ASKED))
        seeds = random.sample(self._seeds, len(self._seeds))
        others = [self._teller, *(each for each in seeds if each not in known), avoid]
        rest = [each for each in dict.fromkeys(others) if each and each not in some]
        return [*some, *rest[:MOST_ASKED]]

    def _read_from(self, address: str) -> bool:
        """Take the map of this node if the cluster works, or if there is no map. Returns whether it works."""
        asked = [("CLUSTER", "INFO"), ("CLUSTER", "SLOTS")]
        info, ranges = wire.exchange(self._client(address), asked)
        works = WORKS in info
        if works or not any(self._primaries):
            self._take(ranges, address)
        return works

    def _take(self, ranges: Sequence[Any], asked: str) -> None:
        found, others = [""] * SLOTS, set()
        for first, last, primary, *replicas in ranges:
            found[first : last + 1] = [_named(primary, asked)] * (last + 1 - first)
            others |= {_named(each, asked) for each in replicas}
        self._primaries, self._leaders, self._replicas = found, {*found}, sorted(others)


def address_of(host: str, port: int, *, asked: str) -> str:
    """Return the address of a node that another one names: one that doesn't know a host leaves it out."""
    if not host:
        return f"{asked.rpartition(':')[0]}:{port}"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _named(node: Sequence[Any], asked: str) -> str:
    return address_of((node[0] or b"").decode(), node[1], asked=asked)
