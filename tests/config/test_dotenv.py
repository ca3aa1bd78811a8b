"""Test the creation of `.env`: once, private, never overwritten."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from config import dotenv

ROOT = Path(dotenv.__file__).parents[1]


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(dotenv, "PATH", tmp_path / ".env")
    return dotenv.PATH


def values(path):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_the_file_holds_three_good_secrets(path):
    dotenv.main()

    secrets = values(path)
    assert set(secrets) == {"SECRET_KEY", "SESSION_ID_KEY", "DATA_ENCRYPTION_KEYS"}
    assert len(secrets["SECRET_KEY"]) >= 50
    assert len(secrets["SESSION_ID_KEY"]) >= 32
    assert Fernet(secrets["DATA_ENCRYPTION_KEYS"])


def test_only_the_owner_can_read_the_file(path):
    before = os.umask(0)
    try:
        dotenv.main()
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_existing_file_is_not_changed(path):
    path.write_text("SECRET_KEY=mine\n")

    dotenv.main()

    assert path.read_text() == "SECRET_KEY=mine\n"


def test_a_dangling_link_is_not_followed(path, tmp_path):
    path.symlink_to(tmp_path / "elsewhere")

    dotenv.main()

    assert not (tmp_path / "elsewhere").exists()


def test_each_file_gets_new_secrets():
    assert dotenv.contents() != dotenv.contents()


@pytest.mark.servers
def test_the_module_imports_only_the_standard_library():
    code = "import config.dotenv, sys; print('django' in sys.modules or 'environ' in sys.modules)"

    output = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert output == "False\n"
