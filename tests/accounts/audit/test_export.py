"""Export the chain, and verify the file with the program in docs/audit.md, which has none of our code."""

import json
import re
import subprocess
import sys
from base64 import urlsafe_b64encode
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.audit import checkpoints, export, trail
from accounts.audit.models import AuditEvent
from tests.kit.chains import recorded, sealed
from tests.kit.factories import UserFactory

pytestmark = pytest.mark.django_db
DOCUMENT = Path(__file__).parents[3] / "docs" / "audit.md"
PROGRAM = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[1]


def exported(**options):
    return [json.loads(json.dumps(line)) for line in export.lines(**options)]


def verified(lines):
    """Run the program and return what it says."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM],
        input=text,
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
    return (done.stdout or done.stderr).strip()


@pytest.fixture
def rows(user):
    """Five rows, of which the first three have an erased part, and a checkpoint."""
    erased = UserFactory(email="누구@example.com")
    rows = sealed(2, user=erased) + sealed(1, user=user, actor=erased) + sealed(2, user=user)
    pseudonym = trail.pseudonymise(erased)
    erased.delete()
    trail.record(AuditEvent.Type.USER_ERASED, identifier=pseudonym)
    checkpoints.make()
    return rows


def test_a_line_has_the_row_and_its_seal(user):
    [event] = sealed(1, user=user)

    [line] = exported()

    salts = {group: part["salt"] for group, part in event.personal.items()}
    assert line == {
        "prev": "0" * 64,
        "seq": 1,
        "sealed_at": event.sealed_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "id": event.pk,
        "created_at": event.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": "login.succeeded",
        "sid": None,
        "reason": "",
        "amr": ["pwd"],
        "hash": event.hash,
        "personal": {
            "identifier": {"identifier": user.email, "salt": salts["identifier"]},
            "user": {"user_id": str(user.pk), "salt": salts["user"]},
            "actor": {"actor_id": None, "salt": salts["actor"]},
            "device": {
                "ip": "192.0.2.1",
                "user_agent": "curl/8.1",
                "request_id": event.request_id,
                "salt": salts["device"],
            },
            "note": {"note": "", "salt": salts["note"]},
        },
    }


@pytest.mark.servers
def test_an_export_verifies_with_a_foreign_program(rows):
    lines = exported()

    assert len(lines) == 6
    assert "누구" not in json.dumps(lines, ensure_ascii=False)
    assert verified(lines) == f"5 rows, the last is 5: {rows[-1].hash}"


@pytest.mark.servers
def test_a_foreign_program_finds_each_attack_on_the_file(rows):
    lines = exported()
    changed = [{**line, "reason": "x"} if line["seq"] == 4 else line for line in lines]
    swapped = [lines[0], lines[2], lines[1], *lines[3:]]
    personal = exported()
    personal[3]["personal"]["identifier"]["identifier"] = "x@example.com"
    cut = [*lines[:3], *lines[4:]]
    other = [*lines[:5], {**lines[5], "statement": _other_hash(lines[5]["statement"])}]

    assert verified(changed) == "row 4 was changed"
    assert verified(personal) == "row 4 was changed"
    assert verified(swapped) == "row 3 does not follow the row before"
    assert verified(cut) == "row 5 does not follow the row before"
    assert verified(other) == "checkpoint 1: row 5 has another hash"


def test_a_part_of_the_log_is_exported_by_time(rows):
    AuditEvent.objects.filter(seq__lte=2).update(sealed_at=timezone.now() - timedelta(days=3))
    middle = timezone.now() - timedelta(days=1)

    since, until = exported(since=middle), exported(until=middle)

    assert [line["seq"] for line in since] == [3, 4, 5, 5]
    assert since[0]["prev"] == rows[1].hash
    assert [line["seq"] for line in until] == [1, 2]


def test_rows_that_are_not_sealed_are_left_out():
    recorded(1)

    assert exported() == []


def test_many_rows_are_exported_in_pages(monkeypatch):
    monkeypatch.setattr(export, "PAGE", 3)
    sealed(7)

    assert [line["seq"] for line in exported()] == [1, 2, 3, 4, 5, 6, 7]


def test_a_broken_chain_is_exported_as_it_is(rows):
    AuditEvent.objects.filter(seq=4).update(personal={})
    AuditEvent.objects.filter(seq=2).delete()

    assert [line["seq"] for line in exported()] == [1, 3, 4, 5, 5]


def _other_hash(statement):
    payload = urlsafe_b64encode(json.dumps({"seq": 5, "hash": "0" * 64}).encode()).decode()
    return f"e30.{payload.rstrip('=')}.e30"
