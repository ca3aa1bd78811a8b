"""Check who keeps the connections to PostgreSQL: each process, or PgBouncer for all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from config.database import POOL
from doctor.findings import Finding, error, ok, skipped, warning

TRIES = 100
"""Transactions in which another client should meet a connection that was used before: PgBouncer may
take its connections in turn, and has 20 of them by default."""
USE_IT = "Set DATABASE_POOLING=pgbouncer."


def check() -> Finding:
    """Compare `DATABASE_POOLING` with what stands before PostgreSQL."""
    mine = connections[DEFAULT_DB_ALIAS]
    if mine.vendor != "postgresql":
        return skipped("SQLite has no connections to share")
    is_set = settings.DATABASE_POOLING == "pgbouncer"
    with _client() as one, _client() as other:
        if not _has_pooler(one):
            return _alone(is_set=is_set)
        if not _is_shared(one, other):
            return _of_sessions(is_set=is_set)
        if not is_set:
            text = (
                "a pooler lends a connection for one transaction only, but DATABASE_POOLING is own"
            )
            return error(text, USE_IT)
        if settings.DATABASE_PREPARED_STATEMENTS and not _keeps_prepared(one, other):
            return error(
                "PgBouncer loses prepared statements",
                "Set max_prepared_statements in pgbouncer.ini (PgBouncer 1.21 or newer), or remove "
                "DATABASE_PREPARED_STATEMENTS.",
            )
    return ok("PgBouncer lends a connection for each transaction")


def _alone(*, is_set: bool) -> Finding:
    if is_set:
        return warning(
            "DATABASE_POOLING=pgbouncer, but nothing stands before PostgreSQL: each thread keeps a "
            "connection of its own",
            "Set DATABASE_URL to the address of PgBouncer, or remove DATABASE_POOLING.",
        )
    return ok(f"each process keeps up to {POOL['max_size']} connections")


def _of_sessions(*, is_set: bool) -> Finding:
    text = "a pooler keeps a connection of PostgreSQL for each of its clients"
    if is_set:
        return warning(text, "Set `pool_mode = transaction` in pgbouncer.ini.")
    return warning(text, f"Set `pool_mode = transaction` in pgbouncer.ini. {USE_IT}")


@contextmanager
def _client() -> Iterator[psycopg.Connection[Any]]:
    """Context manager: open a connection with the site's own options, outside of any transaction."""
    mine = connections[DEFAULT_DB_ALIAS].copy()
    try:
        with mine.cursor():
            yield mine.connection
    finally:
        mine.close()


def _has_pooler(client: psycopg.Connection[Any]) -> bool:
    """Return True if the server that logged us in isn't the one that answers statements."""
    return client.info.backend_pid != _pid(client)


def _is_shared(one: psycopg.Connection[Any], other: psycopg.Connection[Any]) -> bool:
    """Return True if a client meets a connection that another client, which goes on, has used."""
    used = _pid(one)
    return any(_pid(other) == used for _ in range(TRIES))


def _keeps_prepared(one: psycopg.Connection[Any], other: psycopg.Connection[Any]) -> bool:
    try:
        for _ in range(TRIES):
            for client in (one, other):
                psycopg.Cursor(client).execute("SELECT 1 + %s", [1], prepare=True)
    except psycopg.Error:
        return False
    return True


def _pid(client: psycopg.Connection[Any]) -> int:
    row = client.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    assert row is not None  # noqa: S101 - one row always
    return int(row[0])
