"""Reserve ports for the servers that tests start, so that no port is used twice at a time.

A probe alone can't do so: another test may take the port after the probe. Two servers on one port
don't always fail: Granian servers share it, and each gets some of the other's requests.
"""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# Below the ports that the system uses for outgoing connections (Linux: 32768 and up).
BLOCKS = range(20_000, 32_000, 8)
_held: list[int] = []


def free_ports(count: int = 1) -> int:
    """Reserve `count` free ports in a row until this process ends, and return the first."""
    if count > BLOCKS.step:
        raise ValueError(f"up to {BLOCKS.step} ports at a time")
    # pytest-randomly gives all workers the same seed, so use the system's random numbers.
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
    """Lock this block of ports for this process. The system releases the lock when the process ends."""
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
