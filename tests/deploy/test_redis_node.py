"""Test `deploy/redis/node.sh`, with programs in place of Redis and of `sleep` that print what they were asked."""

import os
import subprocess

import pytest

from tests.kit.processes import ROOT

pytestmark = pytest.mark.servers

FIRST = "10.0.0.1"


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a node, and returns what was run."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("redis-server", "sleep"):
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (programs / name).chmod(0o755)

    def run(role="server", host=FIRST, **env):
        data = tmp_path / host
        data.mkdir(exist_ok=True)
        done = subprocess.run(
            ["sh", ROOT / "deploy" / "redis" / "node.sh", role, host, "6379"],
            env={
                "PATH": f"{programs}:{os.environ['PATH']}",
                "REDIS_DATA": str(data),
                "REDIS_PASSWORD": "a",
                "SENTINEL_PASSWORD": "b",
                "REDIS_PRIMARY": f"{FIRST}:6379",
                **env,
            },
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.replace(str(data), "DATA").splitlines()

    return run


def test_the_primary_waits_before_it_starts_again(start):
    assert start() == ["redis-server DATA/server.conf"]
    assert start() == ["sleep 5", "redis-server DATA/server.conf"]
    assert start(REDIS_RESTART_WAIT="9") == ["sleep 9", "redis-server DATA/server.conf"]


def test_a_replica_starts_at_once(start):
    assert start(host="10.0.0.2") == ["redis-server DATA/server.conf"]
    assert start(host="10.0.0.2") == ["redis-server DATA/server.conf"]


def test_a_promoted_replica_waits(start, tmp_path):
    """Redis takes the line out of its file when it is made primary."""
    start(host="10.0.0.2")
    config = tmp_path / "10.0.0.2" / "server.conf"
    lines = config.read_text().splitlines()
    config.write_text("\n".join(line for line in lines if not line.startswith("replicaof ")))

    assert start(host="10.0.0.2")[0] == "sleep 5"


def test_a_sentinel_starts_at_once(start):
    assert start("sentinel") == ["redis-server DATA/sentinel.conf --sentinel"]
    assert start("sentinel") == ["redis-server DATA/sentinel.conf --sentinel"]
