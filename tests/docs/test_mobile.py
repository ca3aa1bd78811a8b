"""The page for mobile developers says what the API does."""

import re
from pathlib import Path

import pytest

from accounts.signins import rotation
from api import problems, schema
from api.tokens import retry_keys

TEXT = (Path(__file__).parents[2] / "docs" / "mobile.md").read_text()
SNIPPETS = dict(re.findall(r"^```(swift|kotlin|dart)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))


def test_the_page_explains_each_code_with_its_status():
    rows = re.findall(r"^\| (\d{3}(?:, \d{3})*) \| (.+?) \|", TEXT, re.MULTILINE)
    named = {
        (int(status), code.strip("`"))
        for statuses, codes in rows
        for status, code in zip(statuses.split(", "), codes.split(", "), strict=True)
    }

    assert named == {
        (row.status, row.code)
        for row in (
            *schema.REFRESH_PROBLEMS,
            *schema.CODE_PROBLEMS,
            *(problems.INVALID_RETRY_KEY, problems.TOO_MANY_REQUESTS, problems.STORE_UNAVAILABLE),
        )
    }


def test_the_page_names_the_bound_of_repeats():
    assert f"{rotation.MOST_REPEATS}\ntimes" in TEXT


def test_the_page_has_three_languages():
    assert set(SNIPPETS) == {"swift", "kotlin", "dart"}


@pytest.mark.parametrize("language", ["swift", "kotlin", "dart"])
def test_a_snippet_stores_the_key_before_it_sends_it(language):
    snippet = SNIPPETS[language]
    stored, sent = snippet.index("// before the call"), snippet.index(retry_keys.HEADER)

    assert stored < sent
    assert "/api/token/refresh/" in snippet
    assert "later, with the same key" in snippet
