"""Files that commands write: a full disk is named, and no part of a file looks like the whole."""

import io
import resource
import subprocess
import sys

import pytest
from django.core.management import CommandError
from django.core.management.base import OutputWrapper

from accounts.management import private_files

STDOUT = OutputWrapper(io.StringIO())


@pytest.fixture
def small_files():
    """Let this process write no file of more than a kilobyte, as on a disk that is full."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, former[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, former)


def test_a_new_file_that_could_not_be_finished_is_gone(tmp_path, small_files):
    path = tmp_path / "export.jsonl"

    with (
        pytest.raises(CommandError) as refused,
        private_files.opened(str(path), STDOUT, mode="x") as file,
    ):
        file.write("x" * 100_000)

    assert str(refused.value) == f"{path}: File too large"
    assert not path.exists()


def test_a_run_that_is_stopped_leaves_no_part(tmp_path):
    path = tmp_path / "export.jsonl"

    with (
        pytest.raises(KeyboardInterrupt),
        private_files.opened(str(path), STDOUT, mode="x") as file,
    ):
        file.write("a part")
        raise KeyboardInterrupt

    assert not path.exists()


def test_a_file_that_was_there_stays(tmp_path):
    path = tmp_path / "report.jsonl"
    path.write_text("of another run")

    with (
        pytest.raises(CommandError) as refused,
        private_files.opened(str(path), STDOUT, mode="x"),
    ):
        pass

    assert str(refused.value) == f"{path}: File exists"
    assert path.read_text() == "of another run"


def test_a_full_disk_is_named():
    with (
        pytest.raises(CommandError) as refused,
        private_files.opened("/dev/full", STDOUT) as file,
    ):
        file.write("one line\n")

    assert str(refused.value) == "/dev/full: No space left on device"


PROGRAM = """
import sys
from django.core.management.base import BaseCommand
from accounts.management import private_files

class Command(BaseCommand):
    requires_system_checks = []

    def handle(self, **options):
        with private_files.opened("-", self.stdout) as file:
            for _ in range(100_000):
                file.write("a line\\n")

sys.argv = ["manage.py", "write"]
Command().run_from_argv(sys.argv)
"""


@pytest.mark.servers
@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ("{} > /dev/full", "CommandError: standard output: No space left on device"),
        ("{} | head -n 1 > /dev/null", "CommandError: standard output: Broken pipe"),
    ],
)
def test_standard_output_that_takes_no_more_is_named(tmp_path, shell, words):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = shell.format(f"{sys.executable} {program}")

    ran = subprocess.run(
        ["/bin/sh", "-c", command],
        env={"PYTHONPATH": ".", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ran.stderr.strip() == words
