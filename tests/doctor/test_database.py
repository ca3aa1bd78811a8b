"""Test the checks of the database, on SQLite and on PostgreSQL."""

import contextlib
import signal
import sqlite3
import tempfile
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from accounts.outbox.models import Job
from accounts.people.models import User
from doctor import database
from tests.kit import postgres
from tests.kit.rings import starts_processes

IS_POSTGRES = django_settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
on_postgres = pytest.mark.skipif(
    not IS_POSTGRES, reason="of PostgreSQL, which has a run of its own"
)
on_sqlite = pytest.mark.skipif(IS_POSTGRES, reason="of SQLite, which has a run of its own")

ADVICE = {
    "own": "Raise max_connections: each process uses up to 15.",
    "pgbouncer": "Raise max_connections, or lower default_pool_size of PgBouncer.",
}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def seen():
    """Return the finding of one probe, run in this thread, which alone sees the test's database."""

    def run(probe):
        found = database.reading(probe)()
        return str(found.level), found.found, found.advice

    return run


def test_a_probe_cannot_write(db):
    with pytest.raises(DatabaseError), database.connection():
        Job.objects.create(kind="mail", payload="")

    assert Job.objects.filter(kind="mail").count() == 0


def test_a_probe_uses_its_own_connection(user):
    before = connection.connection

    with database.connection() as mine:
        assert mine.connection is not before
        assert User.objects.count() == 1

    assert connection.connection is before


@on_sqlite
def test_sqlite_on_a_public_site_is_a_warning(seen, settings, public):
    level, found, advice = seen(database.reachable)

    version = ".".join(map(str, sqlite3.sqlite_version_info))
    assert found.startswith(f"SQLite {version} answers in ")
    assert found.endswith("): SQLite serves one machine only")
    assert (level, advice) == ("warning", "Set DATABASE_URL to PostgreSQL.")


@on_sqlite
def test_sqlite_is_ok_on_a_laptop(seen, laptop):
    assert seen(database.reachable)[0] == "ok"


@on_sqlite
def test_sqlite_without_a_write_ahead_log_is_a_warning(seen, laptop, tmp_path):
    with file_database(tmp_path / "db.sqlite3", journal="DELETE"):
        level, found, advice = seen(database.reachable)

    assert found.endswith("db.sqlite3): without a write-ahead log readers block writers")
    assert (level, advice) == (
        "warning",
        "Start the site once: it switches the write-ahead log on.",
    )


@on_sqlite
def test_a_file_with_a_write_ahead_log_is_ok(seen, laptop, tmp_path):
    with file_database(tmp_path / "db ?#%.sqlite3", journal="WAL"):
        level, found, _ = seen(database.reachable)

    assert (level, found.rsplit("/", 1)[1]) == ("ok", "db ?#%.sqlite3)")


@on_sqlite
def test_a_missing_file_is_an_error_and_is_not_created(seen, tmp_path):
    path = tmp_path / "db.sqlite3"
    with named(path):
        found = seen(database.reachable)

    assert found == (
        "error",
        f"{path}: unable to open database file",
        "Run `manage.py migrate`. Or correct DATABASE_URL.",
    )
    assert not path.exists()


@contextlib.contextmanager
def named(path):
    """Make this file the site's database inside the block."""
    configured = (connection.settings_dict, django_settings.DATABASES["default"])
    before = [each["NAME"] for each in configured]
    for each in configured:
        each["NAME"] = str(path)
    try:
        yield
    finally:
        for each, name in zip(configured, before, strict=True):
            each["NAME"] = name


@contextlib.contextmanager
def file_database(path, *, journal):
    with contextlib.closing(sqlite3.connect(path)) as made:
        made.execute(f"PRAGMA journal_mode={journal}")
        made.execute("CREATE TABLE empty (id)")
        with named(path):
            yield


@on_postgres
def test_a_healthy_postgres(seen, public):
    level, found, advice = seen(database.reachable)

    number = connection.get_database_version()
    assert found.startswith(f"PostgreSQL {number[0]}.{number[1]} answers in ")
    assert found.endswith(f" ms ({database.where()})")
    assert (level, advice) == ("ok", "")


@pytest.fixture
@starts_processes
def standby():
    """Start a PostgreSQL in standby mode, without a primary; return its port."""
    # PostgreSQL's own account must be able to read the directory.
    with tempfile.TemporaryDirectory(prefix="munjigi-tests-") as directory:
        server = postgres.Postgres(Path(directory))
        server.start()
        server.stop(signal.SIGINT)
        (server.data / "standby.signal").touch()
        server.start()
        yield urlsplit(server.url).port
        server.crash()


@on_postgres
def test_a_postgres_standby_is_an_error(seen, standby, monkeypatch):
    for configured in (connection.settings_dict, django_settings.DATABASES["default"]):
        monkeypatch.setitem(configured, "PORT", standby)
        monkeypatch.setitem(configured, "NAME", "postgres")

    level, found, advice = seen(database.reachable)

    assert (level, advice) == ("error", "Set DATABASE_URL to the address of the primary.")
    assert found.endswith(f" ms (127.0.0.1:{standby}/postgres): a read-only replica")


@on_postgres
def test_a_postgres_that_is_too_old_for_django_is_an_error(seen, monkeypatch):
    monkeypatch.setattr(type(connection.features), "minimum_database_version", (99,))

    level, found, advice = seen(database.reachable)

    assert (level, advice) == ("error", "Upgrade to 99 or newer.")
    assert found.endswith(": too old for Django")


@on_postgres
@pytest.mark.parametrize(("seconds", "level"), [(0.5, "ok"), (10, "warning"), (-60, "error")])
def test_the_clock_of_postgres_is_compared(seen, seconds, level):
    with time_machine.travel(timezone.now() + timedelta(seconds=seconds)):
        found = seen(database.clock)

    assert found[0] == level
    assert abs(float(found[1].split()[0]) - abs(seconds)) < 0.9


@on_sqlite
def test_clock_and_connections_of_sqlite_are_skipped(seen):
    assert seen(database.clock) == ("skipped", "SQLite runs on this machine", "")
    assert seen(database.slots) == ("skipped", "SQLite has no limit of connections", "")


@on_postgres
def test_few_free_connections_are_a_warning(seen, monkeypatch):
    level, found, _ = seen(database.slots)
    assert level == "ok"
    assert found.endswith(" of 100 connections in use")

    monkeypatch.setattr(database, "NEARLY_FULL", 0.01)
    level, found, advice = seen(database.slots)
    assert (level, advice) == ("warning", ADVICE[django_settings.DATABASE_POOLING])
    assert found.endswith(" of 100 connections in use")


def test_all_migrations_applied_is_ok(seen):
    count = MigrationRecorder(connection).migration_qs.count()

    assert seen(database.migrations) == ("ok", f"all {count} applied", "")


@contextlib.contextmanager
def recorded(app, name, *, is_applied):
    """Change Django's list of applied migrations inside the block, because no test resets it."""
    recorder = MigrationRecorder(connection)
    there, away = recorder.record_applied, recorder.record_unapplied
    (there if is_applied else away)(app, name)
    try:
        yield
    finally:
        (away if is_applied else there)(app, name)


def test_an_unapplied_migration_is_an_error(seen):
    with recorded("api", "0001_initial", is_applied=False):
        found = seen(database.migrations)

    assert found == (
        "error",
        "1 not applied, the first is api.0001_initial",
        "Run `manage.py migrate`.",
    )


def test_a_migration_of_a_newer_release_is_a_warning(seen):
    with recorded("accounts", "9999_tomorrow", is_applied=True):
        found = seen(database.migrations)

    assert found == (
        "warning",
        "the database has accounts.9999_tomorrow, which this release doesn't know",
        "Run the release that applied it, or a newer one.",
    )


def test_migrations_of_an_app_that_is_not_installed_are_ignored(seen):
    with recorded("mfa", "0001_initial", is_applied=True):
        assert seen(database.migrations)[0] == "ok"


def test_a_missing_table_is_an_error_that_names_the_cure(seen):
    def probe():
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM missing")

    level, found, advice = seen(probe)

    assert level == "error"
    assert "missing" in found
    assert advice.startswith("Run `manage.py migrate`.")
