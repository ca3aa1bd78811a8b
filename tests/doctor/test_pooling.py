"""Test the check of poolers: with no pooler, and with a real PgBouncer in each of its modes."""

import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.db import connection

from doctor import database, pooling
from tests.kit import pgbouncer
from tests.kit.rings import starts_processes

IS_POSTGRES = connection.vendor == "postgresql"
on_postgres = pytest.mark.skipif(
    not IS_POSTGRES, reason="of PostgreSQL, which has a run of its own"
)
with_pgbouncer = pytest.mark.skipif(
    not IS_POSTGRES or pgbouncer.program() is None, reason="needs PostgreSQL and PgBouncer"
)
directly = pytest.mark.skipif(
    django_settings.DATABASE_POOLING == "pgbouncer", reason="has no PgBouncer in front"
)

NOTHING_THERE = (
    "DATABASE_POOLING=pgbouncer, but nothing stands before PostgreSQL: each thread keeps a connection "
    "of its own"
)
KEEP_THEM = (
    "Set max_prepared_statements in pgbouncer.ini (PgBouncer 1.21 or newer), or remove "
    "DATABASE_PREPARED_STATEMENTS."
)

pytestmark = pytest.mark.django_db(transaction=True)


def seen():
    found = database.reading(pooling.check)()
    return str(found.level), found.found, found.advice


@pytest.fixture
@starts_processes
def pooler(monkeypatch):
    """Return a function that puts a PgBouncer with this mode in front of the tests' PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="munjigi-tests-") as directory:
        root = Path(directory)
        root.chmod(0o711)
        made = pgbouncer.PgBouncer(root, f"postgres://h:{connection.settings_dict['PORT']}/")

        def start(mode: str) -> None:
            settings = root / "pgbouncer.ini"
            text = settings.read_text().replace("= transaction", f"= {mode}")
            # Without it a newer one loses prepared statements, as 1.18 does.
            settings.write_text(text.replace("statements = 200", "statements = 0"))
            made.url = f"postgres://postgres@127.0.0.1:{urlsplit(made.url).port}/postgres"
            made.start()
            for configured in (connection.settings_dict, django_settings.DATABASES["default"]):
                monkeypatch.setitem(configured, "PORT", urlsplit(made.url).port)

        yield start
        made.stop()


def on_its_own(settings):
    settings.DATABASE_POOLING = "own"


def shared(settings):
    settings.DATABASE_POOLING = "pgbouncer"


@pytest.mark.skipif(IS_POSTGRES, reason="of SQLite, which has a run of its own")
def test_sqlite_has_nothing_to_pool():
    assert seen() == ("skipped", "SQLite has no connections to share", "")


@on_postgres
@directly
def test_a_pool_in_each_process_is_ok(settings):
    on_its_own(settings)

    assert seen() == ("ok", "each process keeps up to 15 connections", "")


@on_postgres
@directly
def test_the_setting_without_pgbouncer_is_a_warning(settings):
    shared(settings)

    assert seen() == (
        "warning",
        NOTHING_THERE,
        "Set DATABASE_URL to the address of PgBouncer, or remove DATABASE_POOLING.",
    )


@with_pgbouncer
@directly
def test_pgbouncer_in_transaction_mode_is_ok(settings, pooler):
    pooler("transaction")
    shared(settings)

    assert seen() == ("ok", "PgBouncer lends a connection for each transaction", "")


@with_pgbouncer
@directly
def test_pgbouncer_without_the_setting_is_an_error(settings, pooler):
    pooler("transaction")
    on_its_own(settings)

    assert seen() == (
        "error",
        "a pooler lends a connection for one transaction only, but DATABASE_POOLING is own",
        "Set DATABASE_POOLING=pgbouncer.",
    )


@with_pgbouncer
@directly
def test_pgbouncer_in_session_mode_is_a_warning(settings, pooler):
    pooler("session")
    text = "a pooler keeps a connection of PostgreSQL for each of its clients"
    cure = "Set `pool_mode = transaction` in pgbouncer.ini."

    shared(settings)
    assert seen() == ("warning", text, cure)

    on_its_own(settings)
    assert seen() == ("warning", text, f"{cure} Set DATABASE_POOLING=pgbouncer.")


@with_pgbouncer
@directly
def test_lost_prepared_statements_are_an_error(settings, pooler, monkeypatch):
    pooler("transaction")
    shared(settings)
    settings.DATABASE_PREPARED_STATEMENTS = True
    options = connection.settings_dict["OPTIONS"] | {"prepare_threshold": 5}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)

    assert seen() == (
        "error",
        "PgBouncer loses prepared statements",
        KEEP_THEM,
    )
