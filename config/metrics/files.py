"""Keep the values of all processes of this machine in files, and tidy up after dead processes.

Each process writes its own files, named after its id, and each answer adds up all of them. Counters of
a dead process must stay, or the sums would fall; its gauges must go.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus-client reads it once, when it is first imported."""


def directory() -> Path:
    return Path(settings.VAR_DIR) / "metrics"


def prepare() -> None:
    """Make the directory. The first process after a full stop begins with an empty one.

    Call it before the first import of `prometheus_client`.
    """
    place = directory()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ |= {VARIABLE: str(place)}
    with _locked(place):
        if not any(map(_is_alive, _owners(place))):
            for file in place.glob("*.db"):
                file.unlink(missing_ok=True)
        # It counts as alive for the next process, before it has noted anything.
        (place / f"alive_{os.getpid()}.db").touch()


def tidy() -> None:
    """Remove the gauges of dead processes, and add their counters up in one file for each kind."""
    place = directory()
    with _locked(place):
        for pid in _owners(place):
            if not _is_alive(pid):
                for file in place.glob(f"*_{pid}.db"):
                    if file.name.startswith(("counter_", "histogram_")):
                        _add(file, to=place / f"{file.name.split('_')[0]}_dead.db")
                    file.unlink(missing_ok=True)


def values(place: Path) -> list[str]:
    """Return the files that hold values."""
    return [str(file) for file in place.glob("*.db") if not file.name.startswith("alive_")]


def _add(file: Path, *, to: Path) -> None:
    from prometheus_client.mmap_dict import MmapedDict  # noqa: PLC0415 - after `prepare`

    total = MmapedDict(str(to))  # type: ignore[no-untyped-call]  # prometheus-client's
    for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]  # as above
        before, _ = total.read_value(key)  # type: ignore[no-untyped-call]  # as above
        total.write_value(key, before + value, 0)  # type: ignore[no-untyped-call]  # as above
    total.close()  # type: ignore[no-untyped-call]  # as above


def _owners(place: Path) -> set[int]:
    ends = (file.stem.rpartition("_")[2] for file in place.glob("*.db"))
    return {int(end) for end in ends if end.isdecimal()}


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's: the id was given to a new process
    return True


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    with (place / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
