"""Test that every module has a test file of its name, or an entry in `elsewhere.toml`."""

import tomllib
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
SITE = TESTS.parent
BUILDING = ["accounts", "api", "config", "doctor", "demo"]
ELSEWHERE: dict[str, list[str]] = tomllib.loads((TESTS / "elsewhere.toml").read_text())


@cache
def modules():
    """Return the modules of the product without a test file of their own name."""
    return {
        str(path.relative_to(SITE))
        for folder in BUILDING
        for path in (SITE / folder).rglob("*.py")
        if path.name != "__init__.py" and "migrations" not in path.parts
        if not (TESTS / path.relative_to(SITE).with_name(f"test_{path.name}")).exists()
    }


def found_by(name):
    """Return the modules that an entry is about: one, or those of a folder for a name with `*`."""
    return {str(path.relative_to(SITE)) for path in SITE.glob(name)} & modules()


def test_every_module_has_a_test_file_of_its_name_or_an_entry():
    assert modules() - set().union(*(found_by(name) for name in ELSEWHERE)) == set()


def test_no_entry_is_stale():
    """A stale entry names a module that is gone, or that has a test file of its own name now."""
    assert [name for name in ELSEWHERE if not found_by(name)] == []


def test_every_module_has_one_entry():
    found = [module for name in ELSEWHERE for module in sorted(found_by(name))]

    assert sorted(found) == sorted(set(found))


def test_every_entry_names_test_files_that_exist():
    missing = [
        f"{name}: {path}"
        for name, paths in ELSEWHERE.items()
        for path in paths or ["none"]
        if not (TESTS / path).is_file() or not Path(path).name.startswith("test_")
    ]

    assert missing == []
