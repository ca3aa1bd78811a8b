"""Dump, wipe and restore a real site: everybody is still signed in, by browser and by token."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from tests.kit import postgres
from tests.kit.processes import ROOT
from tests.kit.rings import starts_processes
from tests.kit.servers import CREATE_USER, Cluster

pytestmark = pytest.mark.xdist_group("backup")
EMAIL = "somebody@example.com"
PASSWORD = "a long pass phrase"


@pytest.fixture(scope="module")
@starts_processes
def database():
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL isn't installed (apt-get install postgresql)")
    # Not in a directory of pytest's, which PostgreSQL's account may not enter.
    with tempfile.TemporaryDirectory(prefix="munjigi-tests-") as directory:
        server = postgres.Postgres(Path(directory))
        server.start()
        try:
            yield server
        finally:
            server.crash()


@pytest.fixture(scope="module")
def site(database, tmp_path_factory):
    site = Cluster(tmp_path_factory.mktemp("site"), database.url, count=1)
    try:
        site.start()
        site.manage("shell", "-c", CREATE_USER.format(emails=[EMAIL], password=PASSWORD))
        yield site
    finally:
        site.stop()


def run(script, site, *arguments, **env):
    programs = postgres.binaries()
    return subprocess.run(
        [ROOT / "deploy" / script, *map(str, arguments)],
        env=site.environment
        | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "MANAGE": f"{sys.executable} -W ignore manage.py",
        }
        | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def pair_of(site):
    status, pair = site.call(0, "POST", "/api/token/", {"email": EMAIL, "password": PASSWORD})
    assert status == 200
    return pair


def wipe(database, site):
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    site.ask_redis("FLUSHALL")


def test_after_dump_wipe_and_restore_everybody_is_signed_in(database, site, tmp_path):
    cookie = site.sign_in_by_page(0, EMAIL, PASSWORD)
    pair = pair_of(site)
    ended = pair_of(site)
    site.call(0, "POST", "/api/token/revoke/", {"token": ended["refresh"]})

    saved = run("backup.sh", site, tmp_path)
    assert saved.returncode == 0, saved.stderr
    name = Path(saved.stdout.strip())
    wipe(database, site)
    assert site.call(0, "GET", "/api/me/", cookie=cookie)[0] != 200
    restored = run("restore.sh", site, name)

    assert restored.returncode == 0, restored.stderr
    assert site.call(0, "GET", "/api/me/", cookie=cookie)[0] == 200
    assert site.call(0, "GET", "/api/me/", token=pair["access"])[0] == 200
    status, following = site.call(0, "POST", "/api/token/refresh/", {"refresh": pair["refresh"]})
    assert status == 200
    assert site.call(0, "GET", "/api/me/", token=following["access"])[0] == 200
    assert site.call(0, "POST", "/api/token/refresh/", {"refresh": ended["refresh"]})[0] == 401
    assert site.sign_in_by_page(0, EMAIL, PASSWORD)
    done = site.manage("audit", "verify")
    assert "broken" not in done


def test_a_backup_is_readable_by_its_owner_only(site, tmp_path):
    saved = run("backup.sh", site, tmp_path / "new")

    files = sorted((tmp_path / "new").iterdir())
    assert [file.suffix for file in files] == [".dump", ".sessions"], saved.stderr
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
    for word in (PASSWORD, EMAIL):
        assert word not in files[1].read_text()


def test_a_failed_dump_leaves_no_backup(site, tmp_path):
    done = run("backup.sh", site, tmp_path, DATABASE_URL="postgres://nobody@127.0.0.1:1/none")

    assert done.returncode != 0
    assert list(tmp_path.iterdir()) == []


def test_old_backups_are_deleted_and_other_files_are_not(site, tmp_path):
    for name in ("munjigi-old.dump", "munjigi-old.sessions", "other.dump"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))

    done = run("backup.sh", site, tmp_path, BACKUP_KEEP_DAYS="7")

    assert done.returncode == 0, done.stderr
    names = {file.name for file in tmp_path.iterdir()}
    assert "other.dump" in names
    assert not {"munjigi-old.dump", "munjigi-old.sessions"} & names


def test_a_restore_over_tables_needs_a_word(site, tmp_path):
    cookie = site.sign_in_by_page(0, EMAIL, PASSWORD)
    name = run("backup.sh", site, tmp_path).stdout.strip()

    refused = run("restore.sh", site, name)
    assert refused.returncode == 2
    assert "give --replace" in refused.stderr
    replaced = run("restore.sh", site, name, "--replace")

    assert replaced.returncode == 0, replaced.stderr
    assert site.call(0, "GET", "/api/me/", cookie=cookie)[0] == 200


def test_a_restore_of_a_broken_dump_changes_nothing(database, site, tmp_path):
    wiped = tmp_path / "munjigi-x"
    Path(f"{wiped}.dump").write_text("broken")
    Path(f"{wiped}.sessions").write_text("x")

    done = run("restore.sh", site, wiped)
    missing = run("restore.sh", site, tmp_path / "munjigi-none")

    assert done.returncode == 2  # it never asks the dump: there are tables
    assert missing.returncode == 2
    assert "missing or empty" in missing.stderr
