"""Test `/metrics` of real processes: the site with two workers, the streams and the worker."""

import contextlib
import http.client
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.metrics import files
from tests.kit import processes
from tests.kit.ports import free_ports
from tests.kit.rings import starts_processes
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.xdist_group("metrics")


def ask(port, method, path, body=None, headers=()):
    """Return the status and the text of the answer."""
    connection = http.client.HTTPConnection("localhost", port, timeout=20)
    with contextlib.closing(connection):
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read().decode()


class Site:
    """`manage.py serve` with a port for metrics."""

    def __init__(self, directory: Path) -> None:
        self.port = free_ports(3)
        self.metrics_port = self.port + 2
        self.env = {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PORT": str(self.port),
            "EVENTS_PORT": str(self.port + 1),
            "METRICS_PORT": str(self.metrics_port),
            "SITE_URL": f"http://localhost:{self.port}",
            "VAR_DIR": str(directory),
            "DATABASE_URL": f"sqlite:///{directory / 'db.sqlite3'}",
            "REDIS_URL": "",
            "PYTHONWARNINGS": "ignore",
        }
        self.directory = directory
        command = [sys.executable, "manage.py", "serve", "--workers=2"]
        self.process = processes.Process("serve", command, directory, env=self.env)

    def values(self) -> dict[tuple[str, str], float]:
        """Return all samples by name and labels, as `route=…,status=…`."""
        status, text = ask(self.metrics_port, "GET", "/metrics")
        assert status == 200
        return {
            (
                each.name,
                ",".join(f"{key}={value}" for key, value in sorted(each.labels.items())),
            ): each.value
            for family in text_string_to_metric_families(text)
            for each in family.samples
        }

    def roles(self) -> dict[str, float]:
        with contextlib.suppress(OSError, http.client.HTTPException):
            found = self.values()
            return {key[1]: value for key, value in found.items() if key[0] == "munjigi_processes"}
        return {}

    def is_open(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return ask(self.port, "GET", "/livez")[0] == 200
        return False

    def refused(self) -> None:
        """Try to sign in to an account that doesn't exist."""
        body = json.dumps({"email": "nobody@example.com", "password": "x"})
        status, _ = ask(
            self.port, "POST", "/api/token/", body, {"Content-Type": "application/json"}
        )
        assert status == 401

    def workers(self) -> list[int]:
        lines = processes.living(processes.descendants(self.process._running.pid))
        return sorted(
            pid for pid, line in lines.items() if line.startswith("granian") and "worker-" in line
        )


RUNNING = {"role=events": 1, "role=site": 2, "role=worker": 1}


@pytest.fixture(scope="module")
@starts_processes
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("metrics"))
    site.process.start()
    try:
        wait_until(lambda: site.roles() == RUNNING, "all processes have metrics", seconds=60)
        wait_until(site.is_open, "the site takes connections", seconds=60)
        yield site
    finally:
        site.process.stop()


FAILED = ("munjigi_sign_ins_total", "method=unknown,outcome=unknown_user")
REQUESTS = ("munjigi_request_seconds_count", "route=api:token-obtain,status=4xx")


def test_one_answer_adds_up_all_processes(site):
    before = site.values()
    for _ in range(3):
        site.refused()
    after = site.values()

    assert after[FAILED] - before.get(FAILED, 0) == 3
    assert after[REQUESTS] - before.get(REQUESTS, 0) == 3
    assert after["munjigi_database_up", ""] == 1
    assert after["munjigi_outbox_jobs", "kind=mail"] == 0
    assert after["munjigi_streams", ""] == 0


def owners(site):
    """Return the processes that have files, after an answer, which tidies them up."""
    site.values()
    ends = (file.stem.rpartition("_")[2] for file in (site.directory / "metrics").glob("*.db"))
    return {int(end) for end in ends if end.isdecimal()}


def test_a_killed_process_keeps_its_counts_and_loses_its_gauges(site):
    site.refused()
    before = site.values()
    killed = site.workers()
    assert len(killed) == 2, processes.living(processes.descendants(site.process._running.pid))
    for pid in killed:
        os.kill(pid, signal.SIGKILL)

    wait_until(
        lambda: len(set(site.workers()) - set(killed)) == 2, "two new workers run", seconds=40
    )
    wait_until(
        lambda: not set(killed) & owners(site), "their gauges are gone", seconds=40, every=0.3
    )
    wait_until(lambda: site.roles() == RUNNING, "new workers have metrics", seconds=40, every=0.3)
    after = site.values()

    assert after[FAILED] == before[FAILED]
    site.refused()
    assert site.values()[FAILED] == before[FAILED] + 1


def test_the_sites_own_port_has_no_metrics(site):
    assert ask(site.port, "GET", "/metrics")[0] == 404


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/metricsx"), ("POST", "/metrics")]
)
def test_the_port_answers_nothing_else(site, method, path):
    assert ask(site.metrics_port, method, path)[0] in {404, 501}


@pytest.mark.servers
def test_a_full_restart_begins_with_empty_files(tmp_path, settings, monkeypatch):
    settings.VAR_DIR = tmp_path
    monkeypatch.delenv(files.VARIABLE, raising=False)
    place = tmp_path / "metrics"
    place.mkdir()
    gone = processes.start([sys.executable, "-c", ""])
    gone.wait(20)
    (place / f"counter_{gone.pid}.db").touch()
    (place / "counter_dead.db").touch()

    files.prepare()

    assert [file.name for file in place.glob("*.db")] == [f"alive_{os.getpid()}.db"]
    monkeypatch.delenv(files.VARIABLE, raising=False)


@pytest.mark.servers
def test_without_a_port_nothing_is_imported_or_recorded(boot, tmp_path):
    done = boot(
        "import sys, config.wsgi; print('prometheus_client' in sys.modules)",
        VAR_DIR=str(tmp_path),
        SITE_URL="http://localhost:8000",
    )

    assert done.stdout.split() == ["False"], done.stderr
    assert not (tmp_path / "metrics").exists()
