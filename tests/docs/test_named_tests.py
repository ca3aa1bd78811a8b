"""The tests that the documents name exist, and each claim that must name one does."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"`(?:(tests/[\w/]+\.py)::)?(test_\w+)`")
FILE = re.compile(r"`(tests/[\w/]+\.py)`")
PAGES = ["standards.md", "threat-model.md"]


def text_of(page: str) -> str:
    return (ROOT / "docs" / page).read_text()


def rows_of(text: str) -> list[list[str]]:
    """Return the cells of each row of a table, without the headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    ruled = [number for number, row in enumerate(rows) if set("".join(row)) == {"-"}]
    headings = {number - 1 for number in ruled} | set(ruled)
    return [row for number, row in enumerate(rows) if number not in headings]


def part_of(text: str, heading: str) -> str:
    """Return the text below a heading, up to the next one of the same level."""
    return re.split(r"^## ", text.partition(f"## {heading}\n")[2], flags=re.MULTILINE)[0]


@cache
def names_in(path: Path) -> frozenset[str]:
    """Return the names of the test functions of a file, also of those in classes."""
    functions = (
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    )
    return frozenset(name for name in functions if name.startswith("test_"))


@cache
def all_tests() -> frozenset[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return frozenset().union(*(names_in(path) for path in files))


def is_there(path: str, name: str) -> bool:
    if not path:
        return name in all_tests()
    return (ROOT / path).exists() and name in names_in(ROOT / path)


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_exists(page):
    text = text_of(page)
    named, files = NAME.findall(text), FILE.findall(text)

    assert len(named) > 10
    assert [each for each in named if not is_there(*each)] == []
    assert [path for path in files if not (ROOT / path).exists()] == []


def test_every_rule_of_the_standards_names_a_test():
    rows = rows_of(text_of("standards.md"))

    assert len(rows) > 60
    assert [row for row in rows if not NAME.search(row[-1])] == []


def test_every_thing_that_is_good_once_names_its_race_test():
    rows = rows_of(part_of(text_of("threat-model.md"), "Good once"))

    assert len(rows) > 10
    assert [row for row in rows if not NAME.search(row[-1])] == []


def test_the_reader_finds_a_name_that_is_no_test():
    """The check above must be able to fail."""
    assert not is_there("", "test_that_nobody_wrote")
    assert not is_there("tests/docs/test_links.py", "test_the_reader_finds_a_name_that_is_no_test")
    assert is_there(
        "tests/docs/test_named_tests.py", "test_the_reader_finds_a_name_that_is_no_test"
    )
