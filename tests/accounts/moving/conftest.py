"""The import, as an operator starts it."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.kit.moving import SAMPLES, Ran


@pytest.fixture
def bring(tmp_path, db):
    """Return a function that runs `import_users`, and returns its output, its report and its failure."""

    def run(source, content, *options, is_name=True):
        path = SAMPLES / content if is_name else Path(tmp_path / "input")
        if not is_name:
            raw = content if isinstance(content, bytes) else content.encode()
            path.write_bytes(raw)
        report, out, error = tmp_path / "report.jsonl", io.StringIO(), None
        arguments = [str(path), "--from", source, "--report", str(report), *options]
        try:
            call_command("import_users", *arguments, stdout=out)
        except CommandError as exc:
            error = exc
        text = report.read_text() if report.exists() else ""
        lines = [json.loads(line) for line in text.splitlines()]
        return Ran(out.getvalue(), lines, error)

    return run
