"""Test the rules for rooms that import-linter can't check, because it sees Django as one package."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ["audit", "bell.py", "mail", "outbox", "people", "signins", "store", "webhooks"]
"""Rooms of `accounts` that know no HTTP: a page, the API and a command all call them."""
BUILDING = {"accounts", "api", "config", "doctor", "demo"}


def imports_of(path):
    """Yield the modules that this file imports at run time, without those only for annotations."""
    tree = ast.parse(path.read_text())
    for_types = {
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def files_of(room):
    place = ROOT / "accounts" / room
    found = [place] if place.is_file() else sorted(place.rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize("room", CORE)
def test_the_core_knows_no_http(room):
    knowing = [
        str(path.relative_to(ROOT))
        for path in files_of(room)
        if any(name and name.startswith("django.http") for name in imports_of(path))
    ]

    assert knowing == []


def rooms():
    return sorted(
        path.parent
        for folder in BUILDING
        for path in (ROOT / folder).rglob("__init__.py")
        if not {"migrations", "management", "commands"} & set(path.parts)
        and path.parent.parent != ROOT
        and path.parent.name != "settings"
    )


@pytest.mark.parametrize("room", rooms(), ids=lambda room: str(room.relative_to(ROOT)))
def test_a_rooms_init_is_only_a_docstring(room):
    body = ast.parse((room / "__init__.py").read_text()).body

    assert len(body) == 1
    assert ast.get_docstring(ast.parse((room / "__init__.py").read_text()))


@pytest.mark.parametrize("name", ["accounts/models.py", "api/models.py"])
def test_models_modules_only_import_from_the_rooms(name):
    body = ast.parse((ROOT / name).read_text()).body

    assert {type(node) for node in body} <= {ast.Expr, ast.ImportFrom, ast.Assign}


@pytest.mark.slow
def test_models_are_imported_only_from_their_rooms():
    importing = [
        str(path.relative_to(ROOT))
        for folder in [*BUILDING, "tests", "bench"]
        for path in (ROOT / folder).rglob("*.py")
        if ".models" in path.read_text()
        and {"accounts.models", "api.models"} & set(imports_of(path))
    ]

    assert importing == []
