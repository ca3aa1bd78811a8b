"""A site under another environment: the settings are read once a process, so it is a process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETUP = """
import json, sys
import django
from django.conf import settings
django.setup()
settings.ALLOWED_HOSTS.append("testserver")
from django.test import Client
answers = {}
"""


@pytest.fixture
def site_under():
    """Run Python that fills `answers` under this environment; what it answered."""

    def run(code, **env):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", f"{SETUP}\n{code}\nprint(json.dumps(answers))"],
            cwd=ROOT,
            env=os.environ
            | {"DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": "sqlite://:memory:"}
            | env,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture
def boot():
    """Start Django under this environment; the finished process."""

    def run(code="import django; django.setup()", without=(), **env):
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"} | env
        for name in without:
            environment.pop(name, None)
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run
