"""Search the file of leaked passwords on the disk."""

import os

import pytest

from accounts.breaches import file
from tests.kit.leaks import sha1


@pytest.fixture(params=["\r\n", "\n"])
def leaks(request, tmp_path):
    """Write a file of 5,000 hashes in the format of Have I Been Pwned."""
    hashes = sorted(sha1(f"leak {n}") for n in range(5000))
    lines = [f"{each}:{n * 997 % 100_000 + 1}" for n, each in enumerate(hashes)]
    path = tmp_path / "leaks.txt"
    path.write_text(request.param.join(lines) + request.param, newline="")
    return str(path)


def test_each_hash_of_the_file_is_found_and_no_other(leaks):
    assert all(file.has(leaks, sha1(f"leak {n}")) for n in range(5000))
    assert not any(file.has(leaks, sha1(f"own {n}")) for n in range(500))
    assert not file.has(leaks, "0" * 40)
    assert not file.has(leaks, "F" * 40)
    assert file.fault(leaks) == ""


def test_a_last_line_without_an_end_is_found(tmp_path):
    path = tmp_path / "leaks.txt"
    path.write_text(f"{'0' * 40}:1\n{sha1('leak')}:2")

    assert file.has(str(path), sha1("leak"))


def test_a_search_reads_a_few_kilobytes(leaks, monkeypatch):
    reads = []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda *args: reads.append(args[1]) or real(*args))

    file.has(leaks, sha1("leak 77"))

    assert sum(reads) < 20 * 128


def test_another_format_is_an_error(tmp_path):
    path = tmp_path / "leaks.txt"
    path.write_text("password\n" * 100)

    with pytest.raises(ValueError, match="SHA-1:COUNT"):
        file.has(str(path), sha1("leak"))
