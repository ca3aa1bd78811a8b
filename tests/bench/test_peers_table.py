"""Test that one peer that fails leaves the others in the table."""

import json
import subprocess
from dataclasses import replace

import pytest

from bench import installing
from bench.installing import NotInstalledError
from bench.loads import Load, WrongAnswerError
from bench.measuring import Sample
from bench.peers import catalogue, table
from bench.running import Bench, Started
from bench.seeding import Plan
from config.processes import ChildDiedError


class Answering(Load):
    def check(self, port, line):
        if self.path == "/wrong":
            raise WrongAnswerError("GET /wrong answered 500, not 200: ''")


class Quiet:
    def check(self):
        pass


def peer(key, row="me-bearer", path="/me"):
    return replace(
        catalogue.DJOSER, key=key, name=key, cells={row: (key, Answering(path, "access"))}
    )


def run(monkeypatch, tmp_path, peers, start=lambda peer: None, dies="", rows=None):
    """Run the table with these peers.

    `start` stands for the installation and start of a peer. The server named by `dies` ends under load.
    """
    (tmp_path / "access").write_text("token")
    plan = Plan(tmp_path, users=1, files=2, refreshes=0)
    measured, dropped = [], []

    def running(bench, each, number=0):
        start(each)
        return table.Running(each, plan, {each.key: Started(f"pid of {each.key}", 2)})

    def measure(load, server, **options):
        if server.pid == f"pid of {dies}":
            raise ChildDiedError(f"{dies} stopped by itself (exit status 1).")
        measured.append(options["seconds"])
        return Sample(rate=100, p50=1, p99=2, cpu=10, bad=0, requests=600)

    ours = peer("ours")
    monkeypatch.setattr(table, "OURS", ours)
    monkeypatch.setattr(table, "PEERS", peers)
    monkeypatch.setattr(table, "_ours", lambda bench, server: running(bench, ours))
    monkeypatch.setattr(table, "_peer", running)
    monkeypatch.setattr(table, "measure", measure)
    monkeypatch.setattr(Bench, "drop", lambda self, name: dropped.append(name))
    table.run(Bench(Quiet(), tmp_path, None, rounds=1), ours=None, rows=rows)
    assert dropped == [dies] * bool(dies)
    return measured


@pytest.mark.parametrize(
    "error",
    [
        NotInstalledError("npm is missing. On Debian: apt-get install nodejs npm"),
        ChildDiedError("bad stopped by itself (exit status 1)."),
    ],
)
def test_a_peer_that_does_not_start_leaves_the_others(monkeypatch, tmp_path, capsys, error):
    def start(each):
        if each.key == "bad":
            raise error

    measured = run(monkeypatch, tmp_path, [peer("bad"), peer("good")], start)

    printed = capsys.readouterr().out
    assert "| Who am I, by Bearer | not measured | 1.00 (1.00) |" in printed
    assert f"bad was not measured: {error}\n" in printed
    assert measured == [2] * 6  # two warm-ups and a round, of ours and of one peer


def test_the_cells_of_a_sign_in_take_twice_as_long(monkeypatch, tmp_path):
    measured = run(monkeypatch, tmp_path, [peer("other", row="login")])

    assert measured == [4, 2, 2, 2, 4]  # its warm-up, two of ours, then a round


def test_only_the_rows_that_were_asked_for_are_measured(monkeypatch, tmp_path, capsys):
    peers = [peer("good"), peer("other", row="verify")]

    measured = run(monkeypatch, tmp_path, peers, rows=["me-bearer"])

    printed = capsys.readouterr().out
    assert "| ours ÷ peer | good |" in printed
    assert "Is this token good?" not in printed
    assert measured == [2] * 6


def test_a_peer_that_dies_under_load_leaves_the_others(monkeypatch, tmp_path, capsys):
    measured = run(monkeypatch, tmp_path, [peer("bad"), peer("good")], dies="bad")

    printed = capsys.readouterr().out
    assert "| Who am I, by Bearer | not measured | 1.00 (1.00) |" in printed
    assert "bad was not measured: bad stopped by itself (exit status 1).\n" in printed
    assert measured == [2] * 6


def test_our_server_that_dies_ends_the_bench(monkeypatch, tmp_path):
    with pytest.raises(ChildDiedError, match="ours stopped by itself"):
        run(monkeypatch, tmp_path, [peer("good")], dies="ours")


def test_a_cell_with_a_wrong_answer_is_not_measured(monkeypatch, tmp_path, capsys):
    peers = [peer("wrong", path="/wrong"), peer("other", row="verify")]

    measured = run(monkeypatch, tmp_path, peers)

    printed = capsys.readouterr().out
    assert "| Who am I, by Bearer | failed | - |" in printed
    assert "wrong, Who am I, by Bearer: failed, GET /wrong answered 500, not 200: ''\n" in printed
    assert len(measured) == 6


def test_without_npm_the_text_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(installing.shutil, "which", lambda name: None if name == "npm" else name)

    with pytest.raises(NotInstalledError) as caught:
        installing.node_packages("better_auth", tmp_path)

    assert str(caught.value) == "npm is missing. On Debian: apt-get install nodejs npm"


def test_a_failed_installation_shows_its_last_line(monkeypatch, tmp_path):
    def run(command, **options):
        return subprocess.CompletedProcess(command, 1, "", "warning\nERROR: no such package\n")

    monkeypatch.setattr(installing.subprocess, "run", run)
    monkeypatch.setattr(installing, "VAR", tmp_path)
    (tmp_path / "requirements.lock").touch()

    with pytest.raises(NotInstalledError) as caught:
        installing.python_packages("djoser", tmp_path / "requirements.lock")

    assert str(caught.value) == "Python's venv is missing: ERROR: no such package"


def test_each_row_has_ours_or_a_row_to_compare_with():
    offered = set(catalogue.OURS.cells)

    assert {row for row in catalogue.ROWS if row not in offered} == {"kept"}
    assert all(row in catalogue.ROWS for each in catalogue.PEERS for row in each.cells)


def test_pythons_locks_have_hashes_and_name_no_registry():
    locks = sorted(catalogue.HERE.glob("*/requirements.lock"))

    assert len(locks) == 4
    assert [lock for lock in locks if "://" in lock.read_text()] == []
    assert [lock for lock in locks if "--hash=sha256:" not in lock.read_text()] == []


def test_npms_lock_has_hashes_and_names_no_registry():
    lock = json.loads((catalogue.HERE / "better_auth" / "package-lock.json").read_text())
    packages = [package for name, package in lock["packages"].items() if name]

    assert [package for package in packages if "integrity" not in package] == []
    assert [package for package in packages if "resolved" in package] == []
