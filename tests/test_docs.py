"""Test that the documents list all that they promise to list."""

import re
import tomllib
from pathlib import Path

import pytest

from accounts.audit.vocabulary import EventType, RevokeReason

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "config" / "settings").glob("*.py"))
SETTINGS = "\n".join(path.read_text() for path in FILES)
EXAMPLE = (ROOT / ".env.example").read_text()
READ = re.findall(r"""\b(?:env(?:\.\w+)?|limit)\(\s*["']([A-Z][A-Z0-9_]*)["']""", SETTINGS)
LISTED = re.findall(r"^#?\s?([A-Z][A-Z0-9_]*)=", EXAMPLE, re.MULTILINE)


def test_the_settings_read_something():
    assert len(READ) > 20


@pytest.mark.parametrize("name", sorted(set(READ) - {"ENV_FILE"}))
def test_every_variable_read_is_explained_in_the_example(name):
    assert name in LISTED


@pytest.mark.parametrize("name", sorted(LISTED))
def test_every_variable_of_the_example_is_read(name):
    assert name in READ


def test_a_setting_is_set_in_one_file_only():
    names = [
        name
        for path in FILES
        for name in set(
            re.findall(r"^([A-Z][A-Z0-9_]*)(?::[^=\n]+)? = ", path.read_text(), re.MULTILINE)
        )
    ]

    assert len(names) > 100
    assert [name for name in names if names.count(name) > 1] == []


def test_the_example_holds_no_secret():
    for name in ("SECRET_KEY", "SESSION_ID_KEY", "DATA_ENCRYPTION_KEYS"):
        assert re.search(rf"^{name}=$", EXAMPLE, re.MULTILINE)


def test_only_the_settings_read_the_environment():
    readers = [
        str(path.relative_to(ROOT))
        for package in ("accounts", "api", "config", "doctor")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"os\.environ\[|os\.environ\.get|os\.getenv", path.read_text())
    ]

    assert readers == []


def test_every_group_of_audit_types_is_in_the_documents():
    text = (ROOT / "docs" / "audit-events.md").read_text()
    documented = re.findall(r"^\| `(\w+\.\w+)` \|", text, re.MULTILINE)

    assert set(documented) <= set(EventType)
    assert {type_.partition(".")[0] for type_ in documented} == {
        type_.partition(".")[0] for type_ in EventType
    }


def test_every_reason_in_the_documents_exists():
    text = (ROOT / "docs" / "audit-events.md").read_text()
    _, ended = text.split("| `reason` | What happened |")
    documented = re.findall(r"^\| `(\w+)` \|", ended, re.MULTILINE)

    assert len(documented) > 5
    assert set(documented) <= set(RevokeReason)


def test_every_dependency_has_its_row_and_no_row_is_stale():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = [re.match(r"[\w.-]+", entry)[0] for entry in project["dependencies"]]
    page = (ROOT / "docs" / "dependencies.md").read_text()
    rows = re.findall(r"^\| `([\w.-]+)` \|", page, re.MULTILINE)

    assert rows == sorted(needed)


def test_every_row_of_a_dependency_is_filled_in():
    page = (ROOT / "docs" / "dependencies.md").read_text()
    rows = re.findall(r"^\| `.*$", page, re.MULTILINE)
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]

    assert {len(row) for row in cells} == {4}
    assert all(cell for row in cells for cell in row)


def test_every_linked_way_out_has_a_section():
    page = (ROOT / "docs" / "dependencies.md").read_text()
    links = re.findall(r"\[below\]\(#([\w-]+)\)", page)
    sections = {title.lower() for title in re.findall(r"^### (.+)$", page, re.MULTILINE)}

    assert set(links) == sections


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_locked_package_has_a_checksum(lock):
    packages = re.findall(
        r"^[\w.\[\]-]+==\S+ .*?(?=^\S|\Z)", (ROOT / lock).read_text(), re.MULTILINE | re.DOTALL
    )

    assert len(packages) > 10
    assert [each for each in packages if "--hash=sha256:" not in each] == []
    assert f"--require-hashes -r {lock}" in (ROOT / "Makefile").read_text()


def test_the_security_page_has_times_for_our_holes_and_for_packages():
    text = (ROOT / "SECURITY.md").read_text()

    assert {int(days) for days in re.findall(r"^\| (\d+) days \|", text, re.MULTILINE)} >= {
        7,
        30,
        90,
    }
    assert "for a hole in a package that we ship" in text
