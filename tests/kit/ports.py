"""Ports for the servers that tests start: none is handed out twice, none is taken meanwhile.

A probe alone would only say that a port was free a moment ago. Two servers on one port need not
even fail: Granian's share it, and each gets some of the other's requests.
"""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# Below the ports that systems give to outgoing connections (Linux: 32768 and up).
BLOCKS = range(20_000, 32_000, 8)
_held: list[int] = []


def free_ports(count: int = 1) -> int:
    """The first of `count` free ports in a row, which are this process's for as long as it lives."""
    if count > BLOCKS.step:
        raise ValueError(f"up to {BLOCKS.step} ports at a time")
    # Not the module's generator: pytest-randomly would deal all workers the same cards.
    for first in random.SystemRandom().sample(BLOCKS, len(BLOCKS)):
        if _are_free(first, count) and _is_ours(first):
            return first
    raise RuntimeError("no free ports")


def _are_free(first: int, count: int) -> bool:
    for port in range(first, first + count):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def _is_ours(first: int) -> bool:
    """A lock per block, which the system releases when this process ends, however it ends."""
    directory = Path(tempfile.gettempdir()) / f"munjigi-test-ports-{os.getuid()}"
    directory.mkdir(exist_ok=True)
    lock = os.open(directory / str(first), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return False
    _held.append(lock)
    return True
