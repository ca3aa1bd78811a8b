"""The tests that the documents name exist, and each claim that must name one does."""

import pytest

from tests.kit import documents
from tests.kit.documents import FILE, NAME, ROOT, part_of, rows_of, text_of


@pytest.mark.parametrize("page", ["standards.md", "threat-model.md", "asvs.md", "edges.md"])
def test_every_test_that_a_page_names_exists(page):
    text = text_of(page)

    assert len(NAME.findall(text)) > 10
    assert documents.missing_tests(text) == []
    assert [path for path in FILE.findall(text) if not (ROOT / path).exists()] == []


def test_every_rule_of_the_standards_names_a_test():
    rows = rows_of(text_of("standards.md"))

    assert len(rows) > 60
    assert [row for row in rows if not NAME.search(row[-1])] == []


@pytest.mark.parametrize(("heading", "least"), [("Attackers and answers", 30), ("Good once", 10)])
def test_every_answer_of_the_threat_model_names_a_test(heading, least):
    rows = rows_of(part_of(text_of("threat-model.md"), heading))

    assert len(rows) > least
    assert [row for row in rows if not NAME.search(row[-1])] == []


def test_a_name_that_is_no_test_is_found():
    """The checks above fail for a name that does not exist."""
    here = "`tests/docs/test_named_tests.py::test_a_name_that_is_no_test_is_found`"

    assert documents.missing_tests(f"`test_nobody_wrote_it` {here}") == [
        ("", "test_nobody_wrote_it")
    ]
    assert documents.missing_tests("`tests/docs/test_links.py::test_page`") == [
        ("tests/docs/test_links.py", "test_page")
    ]
