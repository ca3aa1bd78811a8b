"""Run the site under a mixed load for a long time, with restarts, and reconcile every count at the end.

`make soak`, or `python -m tests.cluster.soak [--minutes N] [--write FILE]`. Starts two app servers, nginx,
the worker and a mail server, Redis with replicas and Sentinels, and PostgreSQL with a standby, on loopback only. Visitors sign in
on the page, apps by the API; they refresh, read, verify, sign out and change passwords. Meanwhile an app
server, Redis and PostgreSQL restart in turn. Ends with status 1 if a count is wrong.
"""

import argparse
import math
import os
import platform
import random
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

import psycopg

from tests.cluster.apps import NUMBERS, Apps
from tests.cluster.browser import SESSION
from tests.cluster.changers import Changers
from tests.cluster.cluster import OPENS, SHUT, VERIFY, Cluster
from tests.cluster.load import CHANGERS, Load, Tally
from tests.cluster.reckoning import Memory, Reckoning
from tests.kit.processes import ROOT, Process
from tests.kit.smtp import Mailbox, smtp

MINUTES, MOST_MINUTES = 30, 24 * 60
RESTARTS_EVERY_SECONDS = 20
WARM_SECONDS = 10
PAUSE_SECONDS = 2
EVERY_SECONDS = 0.05
CHECKED = 500
"""Sign-ins of each kind, ended and not, that are tried on every server at the end."""
OUTBOX_SECONDS = 330
"""How long the outbox may be as full as before, while the load has ended: longer than `jobs.LEASE`. A crash of PostgreSQL
cuts off the jobs that are being done, and they are due again when their lease ends."""
MANAGE = [sys.executable, "-W", "ignore", "manage.py"]


class Reader(threading.Thread):
    """Ask each server again and again whether a cookie of the load is good, until `stop()`."""

    def __init__(self, cluster: Cluster, load: Load) -> None:
        super().__init__(name="reader", daemon=True)
        self.asked, self.unavailable = 0, 0
        self.wrong: list[str] = []
        self._cluster, self._load = cluster, load
        self._over = threading.Event()

    def run(self) -> None:
        draw = random.Random(3)
        while not self._over.wait(EVERY_SECONDS):
            if staying := self._load.staying():
                cookie = f"{SESSION}={draw.choice(staying).cookie}"
                self.ask(VERIFY, Cookie=cookie)
                self.ask("/api/me/", Cookie=cookie)

    def use(self, access: str) -> None:
        """Use this new access token on each server."""
        for path in (VERIFY, "/api/me/"):
            self.ask(path, Authorization=f"Bearer {access}")

    def ask(self, path: str, **headers: str) -> None:
        for server in self._cluster.servers:
            status, text = server.ask(path, **headers)
            self.asked += 1
            if status in SHUT:
                self.wrong.append(f"{server.name} {path}: {status} {text[:200]!r}")
            self.unavailable += status not in OPENS

    def stop(self) -> None:
        self._over.set()
        self.join()


def restart_server(cluster: Cluster) -> None:
    *_, last = cluster.servers
    last.stop()
    last.start()
    last.wait()


def restart_redis(cluster: Cluster) -> None:
    primary = cluster.redis.primary()
    primary.kill()
    cluster.redis.wait_for_new_primary(primary)
    primary.start()
    cluster.redis.start()


def restart_postgres(cluster: Cluster) -> None:
    cluster.postgres.crash()
    time.sleep(PAUSE_SECONDS)
    cluster.postgres.start()


RESTARTS = {
    "restarts of an app server": restart_server,
    "restarts of Redis": restart_redis,
    "restarts of PostgreSQL": restart_postgres,
}


def run(directory: Path, *, minutes: float) -> Reckoning:
    """Run everything, and return the counts."""
    cluster = Cluster(directory, servers=2)
    try:
        say("Starting PostgreSQL, Redis, two servers and nginx …")
        cluster.start()
        cluster.serve()
        # In the memory of the worker (`memorymail://`), each mail would stay for ever.
        with smtp(keeps=False) as mails:
            return _soak(cluster, minutes * 60, mails)
    finally:
        cluster.stop()


def _soak(cluster: Cluster, seconds: float, mails: Mailbox) -> Reckoning:
    env = _env(cluster) | {"EMAIL_URL": f"smtp://127.0.0.1:{mails.port}"}
    worker = Process("worker", [*MANAGE, "worker"], cluster.directory, env=env)
    worker.start()
    port, trust = cluster.balancer.port, cluster.trust()
    began = time.monotonic()
    load = cluster.load(most_seconds=seconds + 300)
    reader = Reader(cluster, load)
    apps = Apps(port, trust, numbers=cycle(NUMBERS), use=reader.use)
    changers = Changers(port, trust, numbers=range(CHANGERS))
    done = dict.fromkeys(RESTARTS, 0)
    try:
        with apps:
            reader.start()
            changers.start()
            time.sleep(WARM_SECONDS)
            begin = {each.name: each.resident() for each in (*cluster.servers, worker)}
            for name in cycle(RESTARTS):
                if time.monotonic() - began + RESTARTS_EVERY_SECONDS > seconds:
                    break
                time.sleep(RESTARTS_EVERY_SECONDS / 2)
                RESTARTS[name](cluster)
                done[name] += 1
                time.sleep(RESTARTS_EVERY_SECONDS / 2)
                left = max(0, seconds - time.monotonic() + began)
                say(
                    f"{left:.0f} s left; {load.requests():,} requests, {load.acknowledged()[0]:,} "
                    f"sign-ins, {apps.summary_of_calls()}, {changers.changed} passwords; last: {name}"
                )
            time.sleep(max(0, seconds - time.monotonic() + began))
            changed = changers.stop()
            reader.stop()
    finally:
        tally = load.stop()
    took = time.monotonic() - began
    memory = [
        Memory(each.name, begin[each.name], each.resident()) for each in (*cluster.servers, worker)
    ]
    tally.add(changed)
    say("Comparing …")
    cluster.heal()
    counts = _counts(cluster, tally, apps, reader)
    counts.memory = memory
    counts.facts = {
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "load average": f"{os.getloadavg()[0]:.1f}",
        "minutes": f"{took / 60:.1f}",
        **done,
        "requests of browsers": tally.requests,
        "… clean 503": tally.unavailable,
        "longest time without a good answer": f"{tally.stall:.1f} s",
        "requests by Bearer and cookie to the API": reader.asked,
        "… not answered, or 503": reader.unavailable,
        "changed passwords": changers.changed,
        "mails that the mail server got": sum(mails.connections),
    }
    worker.stop()
    for line in (*tally.failed, *tally.wiped, *reader.wrong, *apps.failed)[:20]:
        say(str(line))
    if tally.failed:
        for server in cluster.servers:
            say(f"the end of the log of {server.name}:\n{server.tail()}")
    return counts


def _counts(cluster: Cluster, tally: Tally, apps: Apps, reader: Reader) -> Reckoning:
    url = cluster.postgres.primary.url
    jobs = _outbox(url)
    lost, back = cluster.lost_and_undone(Tally(sign_ins=_sample(tally)))
    # The sample signed nobody in, so the counts are still those of the load.
    rows = _number(url, "SELECT count(*) FROM accounts_authsession")
    return Reckoning(
        told=len(tally.sign_ins) + len(apps.apps),
        unsure=tally.unsure + apps.unsure,
        rows=rows,
        events=_number(
            url, "SELECT count(*) FROM accounts_auditevent WHERE type = 'login.succeeded'"
        ),
        ended=tally.signed_out + apps.endings,
        back=back + apps.undone(url),
        lost=lost,
        rotations=apps.rotations,
        rotations_lost=apps.lost(url),
        jobs=jobs,
        chain=_verified(cluster),
        failed=len(tally.failed) + len(apps.failed),
        wiped=len(tally.wiped),
        wrong=len(reader.wrong),
    )


def _sample(tally: Tally) -> list:
    """Return at most `CHECKED` sign-ins that ended, and as many that did not."""
    draw = random.Random(4)
    ended = [each for each in tally.sign_ins if each.signed_out]
    others = [each for each in tally.sign_ins if not each.signed_out]
    return [each for kind in (ended, others) for each in draw.sample(kind, min(CHECKED, len(kind)))]


def _outbox(url: str) -> int:
    """Wait while the worker does jobs, until none is left. Returns how many are left."""
    least, since = math.inf, time.monotonic()
    while time.monotonic() - since < OUTBOX_SECONDS:
        found = _number(url, "SELECT count(*) FROM accounts_job")
        if not found:
            return 0
        if found < least:
            least, since = found, time.monotonic()
        time.sleep(1)
    return found


def _verified(cluster: Cluster) -> str:
    """Seal what waits, and verify the audit log. Returns what is wrong, or ''."""
    for action in ("checkpoint", "verify"):
        done = subprocess.run(
            [*MANAGE, "audit", action],
            env=os.environ | _env(cluster),
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=600,
        )
        if done.returncode:
            return (done.stderr or done.stdout).strip()[-300:]
    return ""


def _env(cluster: Cluster) -> dict[str, str]:
    return cluster.env() | {"DJANGO_SETTINGS_MODULE": "tests.cluster.settings"}


def _number(url: str, sql: str) -> int:
    with psycopg.connect(url) as client:
        return client.execute(sql).fetchone()[0]


def say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.soak", description=__doc__)
    parser.add_argument(
        "--minutes",
        type=float,
        default=MINUTES,
        help=f"Default: {MINUTES}; at most {MOST_MINUTES}.",
    )
    parser.add_argument("--write", type=Path, help="Also write the report to this file.")
    options = parser.parse_args()
    if not 0 < options.minutes <= MOST_MINUTES:
        parser.error(f"--minutes: more than 0 and at most {MOST_MINUTES}")
    from tests import environment  # noqa: F401, PLC0415 - sets the variables, and starts a Redis

    with tempfile.TemporaryDirectory(prefix="munjigi-soak-") as directory:
        found = run(Path(directory), minutes=options.minutes)
    report = found.report()
    sys.stdout.write(report)
    if options.write:
        options.write.write_text(report)
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
