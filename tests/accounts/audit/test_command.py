"""The command `audit`: what it prints, and its exit status."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.audit import checkpoints
from accounts.audit.models import AuditEvent
from accounts.management.commands import audit
from tests.kit.chains import recorded, sealed

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = StringIO()
    call_command("audit", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_a_whole_log_is_described():
    sealed(2)
    checkpoints.make()
    recorded(1)

    assert run("verify") == [
        "Whole: 2 rows, 1 to 2 (0 with an erased part), 1 checkpoints. 1 rows wait for the worker."
    ]
    assert run("verify", "--from-checkpoint") == [
        "Whole: 0 rows (0 with an erased part), 1 checkpoints. 1 rows wait for the worker."
    ]


def test_a_broken_log_is_an_error_that_names_the_row():
    rows = sealed(3)
    AuditEvent.objects.filter(seq=2).update(reason="x")

    with pytest.raises(CommandError, match=f"Row 2 .id {rows[1].pk}. was changed") as raised:
        run("verify")

    assert raised.value.returncode == 1


def test_a_logged_hash_is_compared():
    [event] = sealed(1)

    assert run("verify", "--logged", f"1:{event.hash}")
    with pytest.raises(CommandError, match="not the row that was signed"):
        run("verify", "--logged", f"1:{'0' * 64}")


def test_notes_are_limited(monkeypatch):
    monkeypatch.setattr(audit, "NOTES", 1)
    old = AuditEvent.objects.model._meta.get_field("created_at").default()
    for _ in range(3):
        recorded(1)
    AuditEvent.objects.update(created_at=old.replace(year=2020))
    audit.chain.seal()

    lines = run("verify")

    assert lines[0].startswith("Note: Row 1: its time is 2020")
    assert lines[1] == "Note: 2 more like these."


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "--logged", "x"],
        ["verify", "--logged", "1:abc"],
        ["export", "--since", "yesterday", "-"],
        ["export", "--since", "2026-13-01", "-"],
        ["export", "--until", "2026-01-01T99:00", "-"],
    ],
)
def test_an_argument_that_cannot_be_read_is_refused(arguments):
    with pytest.raises(CommandError):
        run(*arguments)


def test_an_export_is_written_for_its_owner_only(tmp_path):
    [event] = sealed(1)
    path = tmp_path / "log.jsonl"

    assert run("export", "--since", "2020-01-01", "--until", "2999-01-01T00:00", str(path)) == [
        f"Wrote 1 rows to {path}."
    ]

    assert path.stat().st_mode & 0o777 == 0o600
    assert [json.loads(line)["hash"] for line in path.read_text().splitlines()] == [event.hash]


def test_an_export_to_standard_output_has_only_lines():
    sealed(2)

    assert [json.loads(line)["seq"] for line in run("export", "-")] == [1, 2]


def test_a_file_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        run("export", str(tmp_path / "absent" / "log.jsonl"))


def test_a_checkpoint_seals_and_signs_at_once():
    with pytest.raises(CommandError, match="no sealed row"):
        run("checkpoint")
    recorded(2)

    assert run("checkpoint") == ["Signed row 2 as checkpoint 1."]


def test_nothing_to_prune():
    sealed(1)

    assert run("prune", "--dry-run") == ["Would delete 0 audit events."]
    assert run("prune") == ["Deleted 0 audit events."]


@pytest.mark.parametrize("action", ["verify", "export", "prune", "checkpoint"])
def test_each_action_has_help(action, capsys):
    with pytest.raises(SystemExit) as raised:
        audit.Command().run_from_argv(["manage.py", "audit", action, "--help"])

    assert raised.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: manage.py audit {action}")


def test_progress_is_shown_on_a_terminal_only(monkeypatch):
    class Terminal(StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(audit.verification, "PAGE", 2)
    sealed(4)
    terminal, pipe = Terminal(), StringIO()

    call_command("audit", "verify", stdout=StringIO(), stderr=terminal)
    call_command("audit", "verify", stdout=StringIO(), stderr=pipe)

    assert "… 2" in terminal.getvalue()
    assert pipe.getvalue() == ""
