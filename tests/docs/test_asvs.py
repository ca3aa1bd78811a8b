"""The page about OWASP ASVS has each requirement once, with a verdict and, if it is met, a test."""

import re
from collections import Counter

from tests.kit.documents import NAME, rows_of, text_of

TEXT = text_of("asvs.md")
ROWS = [row for row in rows_of(TEXT) if re.fullmatch(r"V\d+\.\d+\.\d+", row[0])]
VERDICTS = ["met", "partly", "not", "n/a"]


def verdict_of(row: list[str]) -> str:
    return re.split("[:,]", row[3])[0]


def test_each_requirement_occurs_once():
    ids = [row[0] for row in ROWS]

    assert len(ids) > 250
    assert [each for each, count in Counter(ids).items() if count > 1] == []


def test_each_requirement_has_a_level_and_a_verdict():
    assert {row[2] for row in ROWS} == {"1", "2", "3"}
    assert [row for row in ROWS if len(row) != 5 or verdict_of(row) not in VERDICTS] == []


def test_each_requirement_that_is_met_names_a_test():
    met = [row for row in ROWS if verdict_of(row) == "met"]

    assert len(met) > 100
    assert [row[0] for row in met if not NAME.search(row[4])] == []


def test_each_other_requirement_says_what_lacks():
    others = [row for row in ROWS if verdict_of(row) != "met"]

    assert [row[0] for row in others if not row[3].partition(": ")[2]] == []


def test_each_row_left_open_is_a_decision():
    open_rows = [row for row in ROWS if verdict_of(row) in {"partly", "not"}]

    assert [row[0] for row in open_rows if not re.match(r"\w+, decided: .{40}", row[3])] == []
    assert [row[0] for row in open_rows if "later work" in row[3]] == []


def test_the_page_counts_its_rows():
    counted = dict(re.findall(r"^\| (met|partly|not|n/a) \| .* \| (\d+) \|$", TEXT, re.MULTILINE))
    rows = Counter(verdict_of(row) for row in ROWS)

    assert counted == {verdict: str(rows[verdict]) for verdict in VERDICTS}
