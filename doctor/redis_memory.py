"""Judge how full a Redis server is, one that is alone or a node of a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from doctor.findings import Finding, fault, ok

NEARLY_FULL, FULL = 0.75, 0.9


@dataclass(frozen=True)
class Memory:
    used: int
    limit: int
    """Bytes of `maxmemory`, otherwise of the machine, or 0 if the server tells neither."""
    has_maxmemory: bool

    @property
    def share(self) -> float:
        return self.used / self.limit if self.limit else 0.0

    @property
    def size(self) -> str:
        """Return the used memory for people to read."""
        mebibytes = self.used / 2**20
        return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1024 else f"{mebibytes:.1f} MiB"  # noqa: PLR2004


def of(info: Mapping[str, Any]) -> Memory:
    """Return the memory of the server that has answered this to INFO."""
    most = int(info["maxmemory"])
    limit = most or int(info.get("total_system_memory", 0))
    return Memory(int(info["used_memory"]), limit, has_maxmemory=bool(most))


def judge(memory: Memory, text: str, advice: str) -> Finding:
    """Return an error with this advice if the server is full, a warning if it is nearly so."""
    if memory.share >= NEARLY_FULL:
        return fault(text, advice, is_grave=memory.share >= FULL)
    return ok(text)
