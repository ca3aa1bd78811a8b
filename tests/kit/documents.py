"""Read tables of the documents, and find the tests that they name."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"`(?:(tests/[\w/]+\.py)::)?(test_\w+)`")
FILE = re.compile(r"`(tests/[\w/]+\.py)`")


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


def missing_tests(text: str) -> list[tuple[str, str]]:
    """Return the tests that this text names and that don't exist, as file (or '') and name."""
    return [(path, name) for path, name in NAME.findall(text) if not is_there(path, name)]


def is_there(path: str, name: str) -> bool:
    if not path:
        return name in _all_tests()
    return (ROOT / path).exists() and name in _tests_of(ROOT / path)


@cache
def _tests_of(path: Path) -> frozenset[str]:
    """Return the names of the test functions of a file."""
    functions = (
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    )
    return frozenset(name for name in functions if name.startswith("test_"))


@cache
def _all_tests() -> frozenset[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return frozenset().union(*(_tests_of(path) for path in files))
