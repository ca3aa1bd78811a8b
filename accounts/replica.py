"""Read long lists of the panel from a replica of the database, which may lag.

Only lists, search and the export of the audit log may read here. What decides who gets in reads the
primary: on a replica that lags, an ended sign-in is still active.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections

ALIAS = "replica"
AVOID_SECONDS = 30.0
"""Read the primary for so long after the replica has failed."""
HAS = """
SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= %s::pg_lsn,
EXTRACT(EPOCH FROM CLOCK_TIMESTAMP() - pg_last_xact_replay_timestamp())::float8, pg_is_in_recovery()
"""
Value = TypeVar("Value")
_avoided_until = 0.0


class NoReplicaError(Exception):
    """The server at `REPLICA_DATABASE_URL` follows no primary: it accepts writes."""


def read(work: Callable[[str], Value]) -> tuple[Value, float | None]:
    """Call `work` with the alias of a database, and return its result and the seconds of the lag.

    The lag is None if the primary was read: no replica is set up, it failed, or it lags by more than
    `REPLICA_MAX_LAG_SECONDS`. `work` is called a second time, with the primary, if the replica fails.
    """
    global _avoided_until  # noqa: PLW0603 - one state for the process
    if ALIAS in connections.settings and time.monotonic() >= _avoided_until:
        try:
            lag = behind()
            if lag <= settings.REPLICA_MAX_LAG_SECONDS:
                return work(ALIAS), lag
        except (DatabaseError, InterfaceError, NoReplicaError):
            _avoided_until = time.monotonic() + AVOID_SECONDS
    return work(DEFAULT_DB_ALIAS), None


def behind() -> float:
    """Return how many seconds the replica is behind: 0 if it has all that the primary has written.

    Raises `NoReplicaError`, or an error of the database.
    """
    with connections[DEFAULT_DB_ALIAS].cursor() as primary:
        primary.execute("SELECT pg_current_wal_lsn()")
        (written,) = primary.fetchone()
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(HAS, [str(written)])
        has_all, age, follows = cursor.fetchone()
    if not follows:
        raise NoReplicaError
    return 0.0 if has_all else max(0.0, float(age or 0.0))


def forget() -> None:
    """Try the replica again at the next read. For tests."""
    global _avoided_until  # noqa: PLW0603 - one state for the process
    _avoided_until = 0.0
