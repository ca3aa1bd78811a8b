"""Test the form of `docs/decisions/`: one file for each decision, all of them in the index."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "decisions"
INDEX = FOLDER / "README.md"
FILES = sorted(FOLDER.glob("[0-9]*.md"))
SUPERSEDED = re.compile(
    r"^- Status: superseded by \[(\d{4})\]\((\d{4}-[a-z0-9-]+\.md)\)$", re.MULTILINE
)


def status_of(text: str) -> str:
    (status,) = re.findall(r"^- Status: (.+)$", text, re.MULTILINE)
    return status


def test_decisions_are_numbered_from_one_without_gaps():
    assert [path.name[:4] for path in FILES] == [f"{n:04}" for n in range(1, len(FILES) + 1)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:4])
def test_each_decision_has_title_date_status_and_sections(path):
    text = path.read_text()

    assert re.match(rf"# {path.name[:4]} · \S.+\n\n- Date: \d{{4}}-\d\d-\d\d\n- Status: ", text)
    assert status_of(text) == "accepted" or SUPERSEDED.search(text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Cost"]
    assert all(part.strip() for part in re.split(r"^## .+$", text, flags=re.MULTILINE))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:4])
def test_a_superseded_decision_names_a_later_one(path):
    for number, target in SUPERSEDED.findall(path.read_text()):
        assert target.startswith(number)
        assert (FOLDER / target).exists()
        assert number > path.name[:4]


def test_the_index_lists_every_decision_newest_first():
    rows = re.findall(
        r"^\| (\d{4}) \| \[(.+)\]\((.+?)\) \| (\S+) \| (.+) \|$", INDEX.read_text(), re.MULTILINE
    )

    assert rows == [expected_row(path) for path in reversed(FILES)]


def expected_row(path: Path) -> tuple[str, ...]:
    text = path.read_text()
    (title,) = re.findall(r"^# \d{4} · (.+)$", text, re.MULTILINE)
    (date,) = re.findall(r"^- Date: (.+)$", text, re.MULTILINE)
    return path.name[:4], title, path.name, date, status_of(text)
