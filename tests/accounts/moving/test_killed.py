"""Kill an import in the middle, and run it again: all rows are in exactly once, and the report says so."""

import json
import os
import re
import subprocess
import sys

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.db import connection

from accounts.audit.models import AuditEvent
from accounts.moving.models import ExternalId
from accounts.people.models import User
from tests.kit.processes import ROOT
from tests.kit.waiting import wait_until

ROWS = 3000


def url():
    """Return the address of the database of this test, for another process."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    return f"postgres://{values['USER']}@{values['HOST']}:{values['PORT']}/{values['NAME']}"


def begin(tmp_path, report):
    path = tmp_path / "users.csv"
    arguments = ["import_users", str(path), "--from", "csv", "--report", str(tmp_path / report)]
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url(), "SITE_URL": "http://localhost:8000"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor == "sqlite", reason="the database of the tests is in memory: no other process"
)
def test_a_killed_import_brings_each_row_once(tmp_path):
    # The last row can't come: the row before has its address.
    rows = [f"{n},u{n}@example.com,yes,g{n}," for n in range(ROWS)]
    rows.append(f"{ROWS},u{ROWS - 1}@example.com,yes,,")
    (tmp_path / "users.csv").write_text("\n".join(["id,email,verified,google,staff", *rows]) + "\n")

    with begin(tmp_path, "first.jsonl") as first:
        wait_until(User.objects.exists, "the first batch came", seconds=60)
        first.kill()
    between = User.objects.count()
    with begin(tmp_path, "second.jsonl") as second:
        output, _ = second.communicate(timeout=120)

    assert 0 < between < ROWS
    counts = map(
        int, re.match(r"(\d+) rows: (\d+) accounts came, (\d+) came before, (\d+)", output).groups()
    )
    assert [*counts] == [ROWS + 1, ROWS - between, between, 1]
    assert second.returncode != 0  # not everything came
    report = [json.loads(line) for line in (tmp_path / "second.jsonl").read_text().splitlines()]
    assert [(line["id"], line["outcome"], line["reason"]) for line in report] == [
        (str(ROWS), "refused", "email_taken")
    ]
    ids = ExternalId.objects.filter(source="csv").values_list("external_id", flat=True)
    assert sorted(ids, key=int) == [str(n) for n in range(ROWS)]
    for model in (User, EmailAddress, SocialAccount):
        assert model.objects.count() == ROWS
    assert AuditEvent.objects.filter(type="user.imported").count() == ROWS
