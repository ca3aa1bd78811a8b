"""Make and load the snapshot of a release: its database, its sessions, and credentials that must go on working.

At a release: `.venv/bin/python -m tests.kit.snapshots`, then commit `tests/deploy/snapshot/`. The test
`tests/deploy/test_upgrade.py` restores it, migrates it by the code of today, and uses every credential.
"""

import gzip
import hashlib
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.kit import postgres
from tests.kit.processes import ROOT
from tests.kit.servers import CREATE_USER, Cluster

PLACE = ROOT / "tests" / "deploy" / "snapshot"
PEOPLE = 12
PASSWORD = "a long pass phrase"
TEN_YEARS = str(10 * 365 * 86400)
# Public keys of a snapshot that holds no real account. Its times are long, or it would grow too old.
ENVIRONMENT = {
    "SECRET_KEY": "snapshot" * 8,
    "SESSION_ID_KEY": "session-ids-of-the-snapshot" * 2,
    "DATA_ENCRYPTION_KEYS": "c25hcHNob3Qtc25hcHNob3Qtc25hcHNob3Qtc25hcCE=",
    "SITE_URL": "http://localhost:8000",
    "ACCESS_TOKEN_SECONDS": TEN_YEARS,
    "REFRESH_TOKEN_SECONDS": TEN_YEARS,
    "AUTH_SESSION_SECONDS": TEN_YEARS,
    "SESSION_IDLE_SECONDS": TEN_YEARS,
    "SESSION_SHORT_IDLE_SECONDS": TEN_YEARS,
    "SIGNING_KEY_LIFETIME_SECONDS": TEN_YEARS,
}
LOAD = [
    "SELECT s.*, u.* FROM accounts_authsession s JOIN accounts_user u ON u.id = s.user_id LIMIT 5",
    "UPDATE accounts_authsession SET last_seen_at = now() WHERE revoked_at IS NULL",
    "UPDATE accounts_user SET last_login = now() WHERE is_active",
    (
        "INSERT INTO accounts_job (id, kind, payload, attempts, not_before, created_at) "
        "VALUES (gen_random_uuid(), 'mail', 'x', 0, now() + interval '20 years', now())"
    ),
]
"""Statements like those of the old release, which still runs while the new one migrates."""


@dataclass
class Snapshot:
    """What a snapshot holds."""

    sql: str
    sessions: str
    about: dict[str, Any]

    @classmethod
    def read(cls, place: Path) -> "Snapshot":
        return cls(
            gzip.decompress((place / "database.sql.gz").read_bytes()).decode(),
            (place / "sessions.jsonl").read_text(),
            json.loads((place / "about.json").read_text()),
        )

    def write(self, place: Path) -> None:
        place.mkdir(exist_ok=True)
        (place / "database.sql.gz").write_bytes(gzip.compress(self.sql.encode(), mtime=0))
        (place / "sessions.jsonl").write_text(self.sessions)
        (place / "about.json").write_text(json.dumps(self.about, indent=1) + "\n")

    @property
    def is_of_rewritten_migrations(self) -> bool:
        """Return True if a migration that it has applied is another one now."""
        now = migrations()
        return any(now.get(name) != digest for name, digest in self.about["migrations"].items())


def migrations() -> dict[str, str]:
    """Return a digest of each of our migrations."""
    return {
        f"{app}.{path.stem}": hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for app in ("accounts", "api")
        for path in sorted((ROOT / app / "migrations").glob("0*.py"))
    }


def site_at(directory: Path, database_url: str) -> Cluster:
    """Return a site with the environment of a snapshot. It isn't started yet."""
    site = Cluster(directory, database_url, count=1)
    site.environment |= ENVIRONMENT
    return site


def make() -> Snapshot:
    """Run a site of the code of today, sign people in, and return its snapshot."""
    with tempfile.TemporaryDirectory(prefix="munjigi-tests-") as name:
        directory = Path(name)
        server = postgres.Postgres(directory)
        server.start()
        (directory / "site").mkdir()
        site = site_at(directory / "site", server.url)
        try:
            site.start()
            emails = [f"person{number}@example.com" for number in range(PEOPLE)]
            site.manage("shell", "-c", CREATE_USER.format(emails=emails, password=PASSWORD))
            people = [_sign_in(site, email) for email in emails]
            for person in people[: PEOPLE // 4]:
                person["ended"] = _pair(site, person["email"])["refresh"]
                site.call(0, "POST", "/api/token/revoke/", {"token": person["ended"]})
            return Snapshot(
                _dump(server.url),
                site.manage("sessions", "save"),
                {"people": people, "load": LOAD, "migrations": migrations()},
            )
        finally:
            site.stop()
            server.crash()


def load(snapshot: Snapshot, site: Cluster, database_url: str) -> None:
    """Load a snapshot into an empty database, and into the site's Redis, which runs."""
    done = subprocess.run(
        [
            postgres.binaries() / "psql",
            *("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction"),
            database_url,
        ],
        input=snapshot.sql,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    site.manage("sessions", "load", stdin=snapshot.sessions)


def _sign_in(site: Cluster, email: str) -> dict[str, Any]:
    """Sign a person in by an app and by a browser."""
    pair = _pair(site, email)
    cookie = site.sign_in_by_page(0, email, PASSWORD)
    return {"email": email, "cookie": cookie, "access": pair["access"], "refresh": pair["refresh"]}


def _pair(site: Cluster, email: str) -> dict[str, str]:
    status, pair = site.call(0, "POST", "/api/token/", {"email": email, "password": PASSWORD})
    assert status == 200, pair
    return pair


def _dump(url: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM accounts_job")
    done = subprocess.run(
        [postgres.binaries() / "pg_dump", "--no-owner", "--no-privileges", f"--dbname={url}"],
        capture_output=True,
        text=True,
        check=True,
    )
    # PostgreSQL from 18 on writes commands of its psql, which older ones don't know.
    lines = (
        line
        for line in done.stdout.splitlines()
        if not line.startswith(("\\restrict", "\\unrestrict"))
    )
    return "\n".join(line for line in lines if "transaction_timeout" not in line) + "\n"


if __name__ == "__main__":
    import tests.environment  # noqa: F401 - sets the variables of the settings

    make().write(PLACE)
    print(f"Wrote {PLACE.relative_to(ROOT)}. Commit it with the release.")  # noqa: T201 - a program
