"""Test the whole report: of a healthy deployment, of a laptop, of a broken deployment."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import psycopg
import pytest
from django.core.management import CommandError, call_command

from doctor.management.commands.doctor import LIMIT_SECONDS
from tests.doctor.deployment import SECRETS, deployed, doctor
from tests.doctor.reports import steady, version_line
from tests.environment import PROVIDERS
from tests.kit import dockerfile, postgres, processes, redis_servers, sites
from tests.kit.ports import free_ports
from tests.kit.rings import starts_processes
from tests.kit.waiting import wait_until

# All tests run on one worker, because the deployment that they share starts slowly.
pytestmark = pytest.mark.xdist_group("deployment")
ROOT = dockerfile.ROOT


@pytest.fixture(scope="module")
@starts_processes
def deployment(tmp_path_factory):
    for name, found in (
        ("nginx", shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")),
        ("postgres", postgres.binaries()),
    ):
        if not found:
            text = f"{name} isn't installed"
            if name in os.environ.get("TEST_REQUIRE", ""):
                pytest.fail(f"{text}, and TEST_REQUIRE demands its tests.")
            pytest.skip(text)
    with deployed(tmp_path_factory.mktemp("deployment")) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def healthy(deployment):
    return deployment.doctor()


def told(done):
    """Return level, name, finding and advice of every line except the summary."""
    pattern = r"(ok|warning|error|skipped) +(\S+(?: \S+)*)  +(.*?)(?: → (.*))?"
    return [re.fullmatch(pattern, line).groups() for line in done.stdout.splitlines()[:-1]]


def named(done, name):
    [line] = [line for line in told(done) if line[1] == name]
    return line


def test_the_report_of_a_healthy_deployment(deployment, healthy):
    redis = redis_servers.client(deployment.redis_port, password=redis_servers.PASSWORD)
    version = version_line(redis.info("server"))
    text = steady(healthy.stdout)
    text = re.sub(r"PostgreSQL [\d.]+", "PostgreSQL N", text)
    text = re.sub(r"ES256 \S+… signs", "ES256 KID… signs", text)
    text = re.sub(r"\b\d+ (files collected|applied|of 100)", r"N \1", text)
    text = re.sub(r"style\.[0-9a-f]{12}", "style.HASH", text)
    text = re.sub(r"^(\w+ +redis version +).*$", r"\1…", text, flags=re.MULTILINE)
    text = re.sub(r"\d\d\d\d-\d\d-\d\d", "DATE", text)
    database = f"127.0.0.1:{deployment.database.port}/postgres"
    plain = f"http://localhost:{deployment.edge.http_port}"
    memory = "N MiB used, N% of the machine's memory (maxmemory isn't set)"
    summary = "37 ok, 1 warning" if version[0] == "warning" else "38 ok, 0 warnings"
    assert text == "\n".join(
        [
            "ok       secret key         51 characters",
            "ok       session id key     34 characters",
            "ok       proxy count        1 trusted",
            "ok       cookies            __Host-, Secure, SameSite, and HttpOnly except csrf",
            "ok       frontend origins   https://app.example.com",
            "ok       static files       N files collected",
            "ok       django checks      manage.py check --deploy finds nothing else",
            f"ok       database           PostgreSQL N answers in N ms ({database})",
            "ok       migrations         all N applied",
            "ok       database clock     0.0 s apart from this machine's clock",
            "ok       database slots     N of 100 connections in use",
            "ok       database pooling   each process keeps up to 15 connections",
            "ok       database standbys  one server, without a standby",
            "skipped  database replica   REPLICA_DATABASE_URL is empty: the panel reads the primary",
            "ok       signing keys       ES256 KID… signs, 1 verify, next rotation on DATE",
            "ok       encryption keys    stored secrets: 1, all readable",
            "ok       mail queue         empty",
            "ok       audit log          no sealed event yet",
            f"ok       redis              127.0.0.1:{deployment.redis_port} answers in N ms",
            f"{version[0]:<7}  redis version      …",
            "ok       redis persistence  append-only file, fsync everysec",
            "ok       redis eviction     noeviction",
            f"ok       redis memory       {memory}",
            "ok       redis replicas     none: if this machine is lost, all browsers must sign in again",
            "ok       redis clock        0.0 s apart from this machine's clock",
            "ok       redis databases    sessions in 0, cache in 1",
            f"ok       mail backend       SMTP to localhost:{deployment.box.port}, STARTTLS",
            "ok       mail sender        no-reply@example.com",
            "ok       mail server        answers, TLSv1.3, signed in",
            (
                "ok       retention          sign-ins: 30 days after their end; trusted-browsers: kept; "
                "webhook-deliveries: 7 days after the event; mail-records: 30 days after the mail; "
                "invitations: 30 days after their end; spent-tokens: a day after their expiry; "
                "bulk-runs: 30 days after the choice; event-counts: 400 days after the hour; audit-events: 24 months; "
                "unverified-accounts: kept; dormant-accounts: kept"
            ),
            "skipped  metrics            off: METRICS_PORT is 0",
            "skipped  google             not offered: GOOGLE_CLIENT_ID is empty",
            "skipped  kakao              not offered: KAKAO_CLIENT_ID is empty",
            "skipped  naver              not offered: NAVER_CLIENT_ID is empty",
            f"ok       site               {deployment.edge.origin} answers in N ms",
            "ok       site issuer        https://auth.example.com",
            "ok       site certificate   100 days left, TLSv1.3",
            f"ok       site redirect      {plain} redirects to https",
            "ok       site hsts          max-age=31536000; includeSubDomains; preload",
            "ok       site request id    the answer has the request's X-Request-ID",
            "ok       site cookies       __Host-csrf",
            "ok       site stylesheet    /static/accounts/style.HASH.css",
            "ok       site events        events arrive at once",
            f"{summary}, 0 errors, 5 skipped",
            "",
        ]
    )
    assert (healthy.stderr, healthy.returncode) == ("", 0)


def test_the_report_as_json(deployment, healthy):
    done = deployment.doctor("--json")

    report = json.loads(done.stdout)
    assert list(report) == ["exit_status", "checks"]
    assert report["exit_status"] == done.returncode == 0
    assert [check["name"] for check in report["checks"]] == [line[1] for line in told(healthy)]
    assert all(
        list(check) == ["name", "level", "found", "advice", "seconds"] for check in report["checks"]
    )
    first = report["checks"][0]
    assert first | {"seconds": 0} == {
        "name": "secret key",
        "level": "ok",
        "found": "51 characters",
        "advice": "",
        "seconds": 0,
    }
    assert {type(check["seconds"]) for check in report["checks"]} == {float}
    assert done.stderr == ""


def test_the_doctor_changes_nothing(deployment):
    before = contents(deployment)

    deployment.doctor()

    assert contents(deployment) == before
    assert deployment.box.received == []


def contents(deployment):
    """Return every row of every table, and every key of Redis."""
    with psycopg.connect(deployment.database.geturl()) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = {
            table: sorted(map(str, connection.execute(f'SELECT * FROM "{table}"')))
            for (table,) in tables
        }
    keys = [
        sorted(
            redis_servers.client(
                deployment.redis_port, password=redis_servers.PASSWORD, db=number
            ).keys()
        )
        for number in (0, 1)
    ]
    assert rows["django_migrations"]
    return rows, keys


def test_a_test_mail_is_sent_on_request(deployment):
    done = deployment.doctor("--mail-to=operator@example.com")

    assert named(done, "mail test")[0] == "ok"
    assert [("To: operator@example.com" in message) for message in deployment.box.received] == [
        True
    ]
    deployment.box.received.clear()


def test_strict_makes_warnings_fail(deployment):
    elsewhere = {"FRONTEND_ORIGINS": "https://app.example.org"}

    lenient = deployment.doctor(**elsewhere)
    strict = deployment.doctor("--strict", "--json", **elsewhere)

    assert named(lenient, "frontend origins")[0] == "warning"
    assert lenient.returncode == 0
    assert strict.returncode == json.loads(strict.stdout)["exit_status"] == 1


def test_an_untrusted_proxy_is_an_error(deployment):
    done = deployment.doctor(TRUSTED_PROXY_COUNT="0")

    assert named(done, "proxy count")[0] == "error"
    assert done.returncode == 1


RUIN = {
    "DATABASE_URL": "postgres://munjigi:database-password@127.0.0.1:9/munjigi",
    "REDIS_URL": "redis://:redis-password@127.0.0.1:9/0",
    "EMAIL_URL": "smtp+tls://munjigi:mail-password@127.0.0.1:9",
    "SITE_URL": "https://localhost.invalid",
    "TRUSTED_PROXY_COUNT": "1",
    "GOOGLE_CLIENT_ID": "google",
    "GOOGLE_CLIENT_SECRET": "google-password",
    # Keeps the requests of these tests on this machine.
    "HTTPS_PROXY": "http://127.0.0.1:9",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    return (
        os.environ
        | dict.fromkeys(PROVIDERS, "")
        | SECRETS
        | {"VAR_DIR": str(tmp_path_factory.mktemp("var"))}
    )


@pytest.fixture(scope="module")
@starts_processes
def ruin(environment):
    return doctor(env=environment | RUIN)


def test_the_report_of_a_broken_deployment(ruin):
    lines = told(ruin)
    errors = [line[1] for line in lines if line[0] == "error"]
    assert errors == [
        *("database", "redis", "mail sender", "mail server"),
        *("google keys", "google credentials", "site"),
    ]
    skipped = [line for line in lines if line[2].startswith("not checked, see ")]
    assert len(skipped) == 6 + 10 + 9
    assert {line[0] for line in skipped} == {"skipped"}
    assert all(line[3] for line in lines if line[0] in {"error", "warning"})
    assert ruin.stdout.splitlines()[-1] == "9 ok, 2 warnings, 7 errors, 28 skipped"
    assert (ruin.stderr, ruin.returncode) == ("", 1)


def test_colour_is_for_terminals(environment, ruin):
    forced = doctor("--force-color", env=environment | RUIN)

    assert "\x1b[" not in ruin.stdout
    assert "\x1b[31;1merror  \x1b[0m  database" in forced.stdout
    assert re.sub(r"\x1b\[[\d;]*m", "", forced.stdout) == ruin.stdout


def test_the_report_has_no_secret(ruin):
    for secret in (*SECRETS.values(), *re.findall(r"\w+-password", str(RUIN))):
        assert secret not in ruin.stdout


@pytest.mark.servers
def test_a_server_that_never_answers_delays_no_other_check(environment):
    with sites.silent() as silent, sites.dripping() as dripping:
        done = doctor(
            "--timeout=3",
            f"--url=http://127.0.0.1:{dripping}",
            env=environment
            | RUIN
            | {
                "DATABASE_URL": f"postgres://munjigi@127.0.0.1:{silent}/munjigi",
                "REDIS_URL": f"redis://127.0.0.1:{silent}/0",
                "EMAIL_URL": f"smtp+tls://127.0.0.1:{silent}",
            },
        )

    # The dripping site lets no read time out, so only the check's own limit ends it.
    assert named(done, "site") == (
        "error",
        "site",
        "no answer within 3 s",
        "Check that it is up and that no firewall drops the connection.",
    )
    assert [named(done, name)[0] for name in ("database", "redis", "mail server")] == ["error"] * 3
    assert done.returncode == 1
    assert LIMIT_SECONDS == 5


@pytest.mark.servers
def test_a_missing_secret_prints_one_line(environment):
    without = {name: value for name, value in environment.items() if name != "SECRET_KEY"}

    done = doctor(env=without)

    assert done.stderr == "Set the SECRET_KEY environment variable. See .env.example.\n"
    assert (done.stdout, done.returncode) == ("", 1)


@pytest.mark.parametrize(
    "argument",
    ["--url=auth.example.com", "--url=https://a/b", "--http-url=ftp://a", "--timeout=0"],
)
def test_a_wrong_argument_is_refused(argument):
    with pytest.raises(CommandError):
        call_command("doctor", argument)


@pytest.mark.servers
def test_help_describes_the_command(environment):
    done = doctor("--help", env=environment)

    assert "Changes nothing." in " ".join(done.stdout.split())
    assert done.returncode == 0


@pytest.mark.servers
def test_make_doctor_passes_its_arguments():
    done = subprocess.run(
        ["make", "--no-print-directory", "-n", "doctor", "ARGS=--json --strict"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[-1] == ".venv/bin/python manage.py doctor --json --strict"


@pytest.fixture
@starts_processes
def laptop_demo(environment, tmp_path):
    """Start what `make run` starts, with demo stand-ins; return its environment."""
    port, demo_port = free_ports(), free_ports(5)  # four stand-ins and the events
    environment = environment | {
        "DEMO": "1",
        "VAR_DIR": str(tmp_path),
        "PORT": str(port),
        "DEMO_PORT": str(demo_port),
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "EMAIL_URL": "filemail://",
        "ALLOWED_HOSTS": "",
        "FRONTEND_ORIGINS": "",
        "SITE_URL": "",
    }
    process = processes.start(
        [sys.executable, "-W", "ignore", "manage.py", "serve"],
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )

    def answers(url):
        assert process.poll() is None
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    try:
        wait_until(lambda: answers(f"http://localhost:{port}/readyz"), seconds=60)
        wait_until(lambda: answers(f"http://localhost:{demo_port + 4}/livez"), seconds=60)
        yield environment
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(redis_servers.START_SECONDS)


def test_the_report_of_make_run(laptop_demo):
    port, demo_port = int(laptop_demo["PORT"]), int(laptop_demo["DEMO_PORT"])

    done = doctor(f"--url=http://localhost:{port}", env=laptop_demo)

    found = {name: (level, steady(text)) for level, name, text, _ in told(done)}
    warnings = {name: text for name, (level, text) in found.items() if level == "warning"}
    warnings.pop("redis version", None)
    socket = f"{laptop_demo['VAR_DIR']}/redis/redis.sock"
    assert warnings == {
        "redis": f"{socket} answers in N ms: the embedded server, which serves one machine only",
        "mail backend": "mail is written to files, not sent: people who sign up don't get their code",
    }
    assert [name for name, (level, _) in found.items() if level == "error"] == []
    assert found["google"] == ("ok", f"a stand-in at http://localhost:{demo_port + 1}")
    assert found["kakao credentials"] == (
        "ok",
        f"http://localhost:{demo_port + 2} accepts this client",
    )
    assert found["naver credentials"] == (
        "ok",
        f"http://localhost:{demo_port + 3} accepts this client",
    )
    assert found["site issuer"] == ("ok", f"http://localhost:{port}")
    assert found["site cookies"] == ("ok", "csrf")
    assert (done.stderr, done.returncode) == ("", 0)
