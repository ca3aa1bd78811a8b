"""Test that only tests in the outer ring start processes."""

import subprocess

import pytest

from tests import __main__ as rings_command
from tests.kit import rings


def test_an_unannounced_process_fails_the_test():
    with pytest.raises(pytest.fail.Exception, match="starts a process without"):
        subprocess.run(["true"], check=True)


def test_a_fixture_that_starts_processes_marks_its_tests(make_redis, request):
    assert request.node.get_closest_marker("servers")


@pytest.mark.parametrize("name", [*rings.OUTER, "slow"])
def test_the_marks_of_the_outer_ring_exist(name, pytestconfig):
    assert any(line.startswith(f"{name}:") for line in pytestconfig.getini("markers"))


@pytest.mark.parametrize("case", range(10))
def test_one_case_of_a_test_is_quick_and_one_more_is_slow(request, case):
    marks = {name for name in ("slow", "sweep") if request.node.get_closest_marker(name)}

    assert marks == ({0: set(), 5: {"slow"}}.get(case, {"sweep"}))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["-n", "2", "-m", "sweep"], ["-n", "2"]),
        (["-m", "e2e", "tests/e2e", "-x"], ["tests/e2e", "-x"]),
        (["-n", "2"], ["-n", "2"]),
    ],
)
def test_the_second_run_of_a_failed_case_asks_for_no_mark(arguments, named):
    """Among the few failed cases, the first of a test would lose the mark `sweep`, and not be run."""
    assert rings_command._without_mark(arguments) == named


@pytest.mark.parametrize(
    ("failures", "is_known"), [("{}", False), ('{"gw0": true}', False), ('{"a.py::b": true}', True)]
)
def test_only_tests_that_failed_run_again(failures, is_known, monkeypatch, tmp_path):
    """If only a worker fails, pytest knows no failed test, and would run every ring."""
    cache = tmp_path / ".pytest_cache/v/cache"
    cache.mkdir(parents=True)
    (cache / "lastfailed").write_text(failures)
    monkeypatch.chdir(tmp_path)

    assert rings_command._have_names() is is_known
