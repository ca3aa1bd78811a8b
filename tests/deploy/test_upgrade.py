"""Migrate the database of the last release under load: everybody who was signed in still is."""

import re
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

import psycopg
import pytest

from tests.kit import postgres, snapshots
from tests.kit.processes import ROOT
from tests.kit.racing import at_once
from tests.kit.rings import starts_processes
from tests.kit.snapshots import Snapshot

pytestmark = pytest.mark.xdist_group("upgrade")
MOST_SECONDS = 5.0
"""A statement of the old release must not wait longer for a migration."""
IS_RELEASED = re.search(
    r"^## \[\d", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
)  # no version is, so far


class Load:
    """Threads that repeat statements of the old release until they are stopped."""

    def __init__(self, url: str, statements: list[str]) -> None:
        self.failed: list[str] = []
        self.slowest = 0.0
        self.count = 0
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(url, statement)) for statement in statements
        ]

    def _run(self, url: str, statement: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not self._over.wait(0.01):
                began = time.monotonic()
                try:
                    connection.execute(statement)
                except psycopg.Error as error:
                    self.failed.append(f"{statement}: {error}")
                    return
                self.count += 1
                self.slowest = max(self.slowest, time.monotonic() - began)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    """Return the kept snapshot.

    Before the first release a migration may still be rewritten. Then make a new snapshot for this test.
    """
    kept = Snapshot.read(snapshots.PLACE)
    if kept.is_of_rewritten_migrations:
        assert not IS_RELEASED, "a migration that a release has applied was changed"
        return snapshots.make()
    return kept


@pytest.fixture(scope="module")
@starts_processes
def upgraded(snapshot):
    """Restore the snapshot, migrate it under load, then start the site of today on it."""
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL isn't installed (apt-get install postgresql)")
    with tempfile.TemporaryDirectory(prefix="munjigi-tests-") as name:
        server = postgres.Postgres(Path(name))
        server.start()
        (Path(name) / "site").mkdir()
        site = snapshots.site_at(Path(name) / "site", server.url)
        try:
            site.start_redis()
            snapshots.load(snapshot, site, server.url)
            with Load(server.url, snapshot.about["load"]) as load:
                time.sleep(0.5)
                site.manage("migrate", "--no-input", "--verbosity=0")
                time.sleep(0.5)
            site.stop()  # Redis; `start` begins it again, with what it has written to disk
            site.start()
            yield site, load
        finally:
            site.stop()
            server.crash()


def test_the_old_release_works_while_the_new_one_migrates(upgraded):
    _, load = upgraded

    assert load.failed == []
    assert load.count > 20
    assert load.slowest < MOST_SECONDS


def test_nobody_is_signed_out_by_an_upgrade(upgraded, snapshot):
    site, _ = upgraded
    people = snapshot.about["people"]

    def use(number):
        """Return the answers to everything that this person's devices have kept."""
        person = people[number]
        by_cookie = site.call(0, "GET", "/api/me/", cookie=person["cookie"])
        by_token = site.call(0, "GET", "/api/me/", token=person["access"])
        status, following = site.call(
            0, "POST", "/api/token/refresh/", {"refresh": person["refresh"]}
        )
        again = following and site.call(0, "GET", "/api/me/", token=following.get("access", ""))
        return [
            (by_cookie[0], by_cookie[1].get("email")),
            (by_token[0], by_token[1].get("email")),
            (status, ""),
            (again[0], again[1].get("email")),
        ]

    answers = at_once(len(people), use)

    assert answers == [
        [(200, person["email"]), (200, person["email"]), (200, ""), (200, person["email"])]
        for person in people
    ]


def test_what_had_ended_stays_ended(upgraded, snapshot):
    site, _ = upgraded
    ended = [person["ended"] for person in snapshot.about["people"] if "ended" in person]

    assert len(ended) > 1
    for token in ended:
        assert site.call(0, "POST", "/api/token/refresh/", {"refresh": token})[0] == 401


def test_people_sign_in_after_an_upgrade(upgraded, snapshot):
    site, _ = upgraded

    assert site.sign_in_by_page(0, snapshot.about["people"][0]["email"], snapshots.PASSWORD)


def test_nothing_is_left_to_migrate_and_the_audit_log_verifies(upgraded):
    site, _ = upgraded

    site.manage("migrate", "--check")
    site.manage("audit", "verify")
