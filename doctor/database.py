"""Check the database: reachable, writable, migrated, with free connections."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    InterfaceError,
    OperationalError,
    connections,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from config.database import POOL, addresses
from doctor import clocks, pooling, replica, standbys, stored
from doctor.configuration import is_public
from doctor.findings import Area, Check, Finding, error, ok, skipped, warning

WAIT_SECONDS = 4
"""Time-out, shorter than a probe's time limit, so that the report shows the database's own error."""
NEARLY_FULL = 0.8
TRIPS = 3
MIGRATE = "Run `manage.py migrate`."


def area() -> Area:
    return Area(
        (
            Check("database", reading(reachable)),
            Check("migrations", reading(migrations)),
            Check("database clock", reading(clock)),
            Check("database slots", reading(slots)),
            Check("database pooling", reading(pooling.check)),
            Check("database standbys", reading(standbys.check)),
            Check("database replica", reading(replica.check)),
            Check("signing keys", reading(stored.signing_keys)),
            Check("encryption keys", reading(stored.encryption_keys)),
            Check("mail queue", reading(stored.mail_queue)),
            Check("audit log", reading(stored.audit_log)),
        ),
        gated=True,
    )


def reading(probe: Callable[[], Finding]) -> Callable[[], Finding]:
    """Wrap a probe: run it inside `connection()`, and return a database error as a finding."""

    def run() -> Finding:
        try:
            with connection():
                return probe()
        except (OperationalError, InterfaceError) as exc:
            if connections[DEFAULT_DB_ALIAS].vendor == "sqlite":
                return error(f"{where()}: {exc}", f"{MIGRATE} Or correct DATABASE_URL.")
            return error(f"{where()}: {exc}", "Start it, or correct DATABASE_URL.")
        except DatabaseError as exc:
            return error(f"{where()}: {exc}", MIGRATE)

    return run


@contextmanager
def connection() -> Iterator[BaseDatabaseWrapper]:
    """Context manager: give this thread a read-only connection with a short time-out.

    The connection doesn't come from the pool: the pool retries until its time-out and then hides
    the reason.
    """
    before = connections[DEFAULT_DB_ALIAS]
    mine = before.copy()
    if mine.vendor == "sqlite":
        _restrain_sqlite(mine)
    else:
        options = mine.settings_dict["OPTIONS"]
        options.pop("pool", None)
        options["connect_timeout"] = WAIT_SECONDS
    connections[DEFAULT_DB_ALIAS] = mine
    try:
        # SET LOCAL ends with the transaction: a pooler gives the connection to other clients later.
        with transaction.atomic():
            if mine.vendor == "postgresql":
                with mine.cursor() as cursor:
                    cursor.execute("SET TRANSACTION READ ONLY")
                    cursor.execute(f"SET LOCAL statement_timeout = '{WAIT_SECONDS}s'")
            yield mine
    finally:
        mine.close()
        connections[DEFAULT_DB_ALIAS] = before


def _restrain_sqlite(mine: BaseDatabaseWrapper) -> None:
    name = str(mine.settings_dict["NAME"])
    if not name.startswith((":memory:", "file:")):
        # `rw` doesn't create a missing file.
        mine.settings_dict["NAME"] = f"file:{quote(name)}?mode=rw"
    mine.settings_dict["OPTIONS"] = {
        "timeout": WAIT_SECONDS,
        "init_command": "PRAGMA query_only=ON",
    }


def where() -> str:
    """Return the database's address for people to read, without its password."""
    configured = settings.DATABASES[DEFAULT_DB_ALIAS]
    name = configured["NAME"]
    if configured["ENGINE"].endswith("sqlite3"):
        return str(name)
    return f"{','.join(addresses(configured))}/{name}"


def _ask(sql: str) -> tuple[object, ...]:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(sql)
        row: tuple[object, ...] = cursor.fetchone()
        return row


def reachable() -> Finding:
    mine = connections[DEFAULT_DB_ALIAS]
    trips = []
    for _ in range(TRIPS):
        began = time.monotonic()
        _ask("SELECT 1")
        trips.append(time.monotonic() - began)
    version = ".".join(str(part) for part in mine.get_database_version())
    text = f"{mine.display_name} {version} answers in {min(trips) * 1000:.1f} ms ({where()})"
    least = mine.features.minimum_database_version
    if least and mine.get_database_version() < least:
        advice = f"Upgrade to {'.'.join(map(str, least))} or newer."
        return error(f"{text}: too old for Django", advice)
    if mine.vendor == "sqlite":
        return _sqlite(text)
    if mine.vendor == "postgresql" and _ask("SELECT pg_is_in_recovery()")[0]:
        return error(
            f"{text}: a read-only replica", "Set DATABASE_URL to the address of the primary."
        )
    return ok(text)


def _sqlite(text: str) -> Finding:
    if _ask("PRAGMA journal_mode")[0] not in {"wal", "memory"}:
        advice = "Start the site once: it switches the write-ahead log on."
        return warning(f"{text}: without a write-ahead log readers block writers", advice)
    if is_public():
        advice = "Set DATABASE_URL to PostgreSQL."
        return warning(f"{text}: SQLite serves one machine only", advice)
    return ok(text)


def migrations() -> Finding:
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    loader = executor.loader
    plan = executor.migration_plan(loader.graph.leaf_nodes())
    if plan:
        first = plan[0][0]
        return error(
            f"{len(plan)} not applied, the first is {first.app_label}.{first.name}",
            MIGRATE,
        )
    apps = {label for label, _ in loader.disk_migrations}
    replaced = {old for one in loader.disk_migrations.values() for old in one.replaces}
    known = {*loader.disk_migrations, *replaced}
    ahead = sorted(
        f"{app}.{name}"
        for app, name in loader.applied_migrations
        if app in apps
        if (app, name) not in known
    )
    if ahead:
        return warning(
            f"the database has {ahead[-1]}, which this release doesn't know",
            "Run the release that applied it, or a newer one.",
        )
    return ok(f"all {len(loader.applied_migrations)} applied")


def clock() -> Finding:
    if connections[DEFAULT_DB_ALIAS].vendor != "postgresql":
        return skipped("SQLite runs on this machine")
    before = time.time()
    (theirs,) = _ask("SELECT extract(epoch FROM clock_timestamp())::float8")
    return clocks.judge(theirs=float(str(theirs)), before=before, after=time.time())


def slots() -> Finding:
    """Check that the database has free connections for more processes."""
    if connections[DEFAULT_DB_ALIAS].vendor != "postgresql":
        return skipped("SQLite has no limit of connections")
    used, most = _ask(
        "SELECT sum(numbackends)::int, current_setting('max_connections')::int "
        "FROM pg_stat_database"
    )
    text = f"{used} of {most} connections in use"
    if int(str(used)) >= NEARLY_FULL * int(str(most)):
        if settings.DATABASE_POOLING == "pgbouncer":
            return warning(text, "Raise max_connections, or lower default_pool_size of PgBouncer.")
        advice = f"Raise max_connections: each process uses up to {POOL['max_size']}."
        return warning(text, advice)
    return ok(text)
