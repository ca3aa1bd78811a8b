"""Each edge of the page names a test. The row of one without says why."""

import pytest

from tests.kit.documents import NAME, part_of, rows_of, text_of

TEXT = text_of("edges.md")


@pytest.mark.parametrize(
    ("heading", "numbers"),
    [
        ("For people", range(1, 17)),
        ("For developers and operators", range(17, 23)),
        ("Faults of high and medium weight", ["H1", *(f"M{number}" for number in range(1, 9))]),
        ("Smaller faults", [f"L{number}" for number in range(1, 20)]),
    ],
)
def test_each_number_has_its_rows(heading, numbers):
    rows = rows_of(part_of(TEXT, heading))

    assert [row for row in rows if len(row) != 4] == []
    assert list(dict.fromkeys(row[0].rstrip("abcdefghi") for row in rows)) == [
        str(number) for number in numbers
    ]
    assert len({row[0] for row in rows}) == len(rows)


def test_each_row_names_a_test_or_says_why_there_is_none():
    rows = rows_of(TEXT)

    assert [row[0] for row in rows if not NAME.search(row[3]) and "no test:" not in row[2]] == []
