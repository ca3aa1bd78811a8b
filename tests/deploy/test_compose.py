"""Check compose.yaml and the Dockerfile as far as possible without a Docker engine."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import redis
import yaml
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from config import embedded
from config.management.commands import serve
from tests.kit import dockerfile, nginx, processes
from tests.kit.waiting import wait_until

ROOT = dockerfile.ROOT
VARIABLE = re.compile(r"\$\{(\w+)")
ASSIGNMENT = re.compile(r"^(\w+)=", re.MULTILINE)


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def example() -> str:
    return (ROOT / "deploy" / "compose.env.example").read_text()


def test_every_variable_has_a_line_in_the_example(example):
    used = set(VARIABLE.findall((ROOT / "compose.yaml").read_text()))

    assert used <= set(ASSIGNMENT.findall(example))


def test_every_variable_of_the_example_is_read(example):
    read = set(ASSIGNMENT.findall((ROOT / ".env.example").read_text()))
    read |= set(VARIABLE.findall((ROOT / "compose.yaml").read_text()))

    assert set(ASSIGNMENT.findall(example)) <= read


def test_the_example_holds_no_secret(example):
    secrets = re.findall(r"^\w*(?:KEYS?|PASSWORD|SECRET)=(.*)$", example, re.MULTILINE)

    assert set(secrets) == {""}


def test_only_nginx_has_ports(compose):
    assert [name for name, service in compose["services"].items() if "ports" in service] == [
        "nginx"
    ]


def test_the_stores_cannot_be_reached_from_outside(compose):
    assert compose["networks"]["data"] == {"internal": True}
    assert compose["services"]["postgres"]["networks"] == ["data"]
    assert compose["services"]["redis"]["networks"] == ["data"]
    assert compose["services"]["nginx"]["networks"] == ["front"]


def test_nothing_serves_before_the_tables_are_up_to_date(compose):
    for name in ("web", "worker", "events"):
        waits_for = compose["services"][name]["depends_on"]
        assert waits_for["migrate"] == {"condition": "service_completed_successfully"}
        assert waits_for["redis"] == {"condition": "service_healthy"}


def test_services_wait_only_for_services_with_a_health_check(compose):
    services = compose["services"]
    waited_for = {
        name
        for service in services.values()
        for name, rule in service.get("depends_on", {}).items()
        if rule["condition"] == "service_healthy"
    }

    # The health check of `web` is in the Dockerfile.
    for name in waited_for - {"web"}:
        assert "test" in services[name]["healthcheck"]


def test_the_worker_runs_as_in_serve(compose):
    assert compose["services"]["worker"]["command"][1:] == serve.WORKER[2:]


def test_the_streams_run_as_in_serve_on_the_port_that_nginx_asks(compose):
    service = compose["services"]["events"]
    assert service["command"][1:3] == serve.EVENTS[2:]
    assert "--port=8005" in service["command"]
    assert "8005" in service["healthcheck"]["test"]
    assert nginx.EVENTS in (ROOT / "deploy/nginx/snippets/upstream.conf").read_text()


def test_every_mounted_file_is_shipped(compose):
    mounts = [
        mount.split(":")[0]
        for service in compose["services"].values()
        for mount in service.get("volumes", [])
    ]

    for mount in mounts:
        assert mount in compose["volumes"] or (ROOT / mount).exists()


def test_the_dockerfile_copies_only_what_exists():
    stages = set()
    for name, arguments in dockerfile.instructions():
        if name == "FROM":
            stages.add(arguments.split(" AS ")[1])
        if name != "COPY":
            continue
        words = shlex.split(arguments)
        if words[0].startswith("--from="):
            assert words[0].removeprefix("--from=") in stages
        else:
            for source in words[:-1]:
                assert (ROOT / source).exists(), source


def test_dockerignore_allows_all_copied_files():
    allowed = re.findall(r"^!(\S+?)/?$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    for name, arguments in dockerfile.instructions():
        if name == "COPY" and "--from=" not in arguments:
            for source in shlex.split(arguments)[:-1]:
                assert Path(source).parts[0] in allowed


def test_the_image_is_built_by_the_script_that_ci_runs():
    runs = [arguments for name, arguments in dockerfile.instructions() if name == "RUN"]

    assert "deploy/build.sh /opt/venv install" in runs
    assert "deploy/build.sh /opt/venv site" in runs


def test_the_image_has_an_unprivileged_user_and_a_health_check():
    last_stage = [name for name, _ in dockerfile.instructions()]
    last_stage = last_stage[len(last_stage) - last_stage[::-1].index("FROM") :]

    assert {"USER", "HEALTHCHECK", "EXPOSE"} <= set(last_stage)
    assert last_stage.index("USER") < last_stage.index("CMD")


def test_the_image_runs_the_server_that_serve_runs():
    site = serve._site({"host": "0.0.0.0", "workers": 1, "threads": settings.SERVER_THREADS})  # noqa: S104
    flags = site[site.index("-m") :]

    assert dockerfile.command()[1:] == [
        flag.replace(f"--port={settings.PORT}", "--port=8000") for flag in flags
    ]


@pytest.mark.servers
def test_the_build_collects_static_files_with_valid_settings(tmp_path):
    venv = ROOT / ".venv"
    if not venv.exists():
        pytest.skip("there is no .venv: `make test` makes one")

    done = subprocess.run(
        ["deploy/build.sh", venv, "site"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "VAR_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "static" / "staticfiles.json").exists()


@pytest.mark.servers
def test_redis_starts_with_its_password_and_persistence(tmp_path):
    shipped = (ROOT / "deploy" / "redis" / "redis.conf").read_text()
    config = tmp_path / "redis.conf"
    socket = tmp_path / "redis.sock"
    config.write_text(
        shipped.replace("dir /data", f"dir {tmp_path}") + f"port 0\nunixsocket {socket}\n"
    )
    env = {
        "PATH": f"{embedded.binary().parent}:/usr/bin:/bin",
        "REDIS_PASSWORD": "0123abcd" * 8,
        "REDIS_CONFIG": str(config),
    }
    once = {"retry": Retry(NoBackoff(), 0)}
    command = [ROOT / "deploy/redis/start.sh"]
    server = processes.start(command, env=env, stdout=subprocess.DEVNULL)
    try:
        client = redis.Redis(unix_socket_path=str(socket), password=env["REDIS_PASSWORD"], **once)
        wait_until(lambda: answers(client, server), "Redis answers")
        options = client.config_get("*")
        client.close()
        stranger = redis.Redis(unix_socket_path=str(socket), **once)
        with pytest.raises(redis.AuthenticationError):
            stranger.ping()
        stranger.close()
    finally:
        server.terminate()
        server.wait(20)

    assert options["appendonly"] == "yes"
    assert options["maxmemory-policy"] == "noeviction"


def answers(client: redis.Redis, server: subprocess.Popen[bytes]) -> bool:
    assert server.poll() is None, "Redis ended by itself"
    try:
        return client.ping()
    except redis.ConnectionError:
        return False
