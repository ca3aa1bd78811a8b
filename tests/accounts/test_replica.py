"""Test `replica` with a real primary and its standby: which one is read, and how far it is behind."""

import re
import tempfile
import time
from pathlib import Path

import pytest
from django.db import connection, connections

from accounts import replica
from doctor import replica as doctors
from tests.kit.database_pair import Databases
from tests.kit.replicas import replica_at
from tests.kit.rings import starts_processes

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="of PostgreSQL alone"),
]


@pytest.fixture
@starts_processes
def followed_primary(monkeypatch):
    """Let the primary and the standby of a pair be the site's database and its replica."""
    with tempfile.TemporaryDirectory(prefix="munjigi-tests-") as directory:
        pair = Databases(Path(directory))
        pair.start()
        pair.rejoin(synchronous=False)
        mine = connection.copy()
        mine.settings_dict = mine.settings_dict | {
            "PORT": pair.primary.url.rpartition(":")[2].partition("/")[0],
            "NAME": "postgres",
            "OPTIONS": {},
        }
        before, connections["default"] = connections["default"], mine
        try:
            with replica_at(pair.standby.url):
                yield pair
        finally:
            mine.close()
            connections["default"] = before
            pair.stop()


def read():
    """Return whether the replica answered, and the lag that was told."""

    def ask(alias):
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT pg_is_in_recovery()")
            return cursor.fetchone()[0]

    return replica.read(ask)


def write(pair):
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS written (id int)")
        cursor.execute("INSERT INTO written VALUES (1)")


def caught_up():
    deadline = time.monotonic() + 30
    while replica.behind() > 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_replica_is_read_while_it_lags_little(followed_primary, settings):
    write(followed_primary)
    caught_up()
    assert read() == (True, 0.0)
    finding = doctors.check()
    assert (str(finding.level), finding.found) == ("ok", "0 s behind")

    followed_primary.cut_off()
    time.sleep(1)
    write(followed_primary)
    answered, lag = read()
    assert answered is True
    assert 1 <= lag < 60

    settings.REPLICA_MAX_LAG_SECONDS = 1
    assert read() == (False, None)
    finding = doctors.check()
    assert str(finding.level) == "warning"
    assert re.fullmatch(r"\d+ s behind, more than 1: the panel reads the primary", finding.found)


def test_a_replica_that_was_promoted_is_not_read(followed_primary):
    followed_primary.fail_over()
    followed_primary.primary, followed_primary.standby = (
        followed_primary.standby,
        followed_primary.primary,
    )
    followed_primary.primary.start()

    assert read() == (False, None)
    finding = doctors.check()
    assert (str(finding.level), finding.found) == (
        "warning",
        "the server follows no primary, so the panel reads the primary",
    )


def test_a_replica_that_is_down_is_not_read(followed_primary):
    followed_primary.standby.crash()

    assert read() == (False, None)
    assert str(doctors.check().level) == "error"
