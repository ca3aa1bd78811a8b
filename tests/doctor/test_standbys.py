"""Test the check of standbys, with a real primary and its standby."""

import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection

from doctor import database, standbys
from tests.kit.database_pair import Databases
from tests.kit.rings import starts_processes
from tests.kit.waiting import wait_until

on_postgres = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="of PostgreSQL, which has a run of its own"
)
pytestmark = pytest.mark.django_db(transaction=True)
LOST = "ended sign-ins and exchanged refresh tokens come back"
NO_WAIT = f"commits don't wait for a standby: after a fail-over, {LOST}"


def seen():
    found = database.reading(standbys.check)()
    return str(found.level), found.found, found.advice


@pytest.fixture(scope="module")
@starts_processes
def running_pair():
    with tempfile.TemporaryDirectory(prefix="munjigi-tests-") as directory:
        pair = Databases(Path(directory))
        try:
            pair.start()
            yield pair
        finally:
            pair.stop()


@pytest.fixture
def primary_with_standby(running_pair, monkeypatch):
    """Let the doctor ask the primary of a pair; the site's URL names both hosts."""
    running_pair.heal()
    ports = ",".join(str(urlsplit(each.url).port) for each in running_pair.servers)
    options = {"target_session_attrs": "read-write"}
    for configured in (connection.settings_dict, django_settings.DATABASES["default"]):
        monkeypatch.setitem(configured, "HOST", "127.0.0.1,127.0.0.1")
        monkeypatch.setitem(configured, "PORT", ports)
        monkeypatch.setitem(configured, "NAME", "postgres")
        monkeypatch.setitem(configured, "OPTIONS", options)
    yield running_pair
    set_on(running_pair, synchronous_commit="on", synchronous_standby_names="*")


def set_on(pair, **values):
    with psycopg.connect(pair.primary.url, autocommit=True) as client:
        for name, value in values.items():
            client.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        client.execute("SELECT pg_reload_conf()")


@pytest.mark.skipif(connection.vendor == "postgresql", reason="of SQLite")
def test_sqlite_has_no_standby():
    assert seen() == ("skipped", "SQLite has no standby", "")


@on_postgres
def test_a_single_server_is_ok():
    assert seen() == ("ok", "one server, without a standby", "")


@on_postgres
def test_a_synchronous_standby_is_ok(primary_with_standby):
    assert seen() == ("ok", "each commit waits for a standby (*); connected: 1", "")


@on_postgres
@pytest.mark.parametrize(
    ("values", "finding"),
    [
        (
            {"synchronous_standby_names": ""},
            (NO_WAIT, "Set synchronous_standby_names = 'ANY 1 (*)' on each server."),
        ),
        (
            {"synchronous_commit": "local"},
            (NO_WAIT, "Set synchronous_commit = on in PostgreSQL; it is local."),
        ),
        (
            {"synchronous_commit": "off"},
            (
                f"synchronous_commit is off: after a crash, {LOST}",
                "Set synchronous_commit = on in PostgreSQL, also for the site's role.",
            ),
        ),
    ],
)
def test_a_commit_that_can_be_lost_is_a_warning(primary_with_standby, values, finding):
    set_on(primary_with_standby, **values)

    assert seen() == ("warning", *finding)


@on_postgres
def test_several_hosts_without_a_preference_are_a_warning(primary_with_standby, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})
    port = urlsplit(primary_with_standby.primary.url).port
    monkeypatch.setitem(connection.settings_dict, "PORT", f"{port},{port}")

    assert seen() == (
        "warning",
        "2 hosts, but no target_session_attrs: the site may talk to a standby",
        "Add target_session_attrs=read-write to DATABASE_URL.",
    )


@on_postgres
def test_commits_that_wait_for_nobody_are_an_error(primary_with_standby):
    primary_with_standby.standby.crash()
    wait_until(lambda: not primary_with_standby.is_followed(), "the primary has noticed")

    assert seen() == (
        "error",
        "each commit waits for a standby, and none is connected",
        "Start the standby, or empty synchronous_standby_names until it is back.",
    )
