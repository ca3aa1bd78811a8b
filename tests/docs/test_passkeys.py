"""The page about passkeys in apps says what the API does."""

import re
from pathlib import Path

from accounts.factors.passkeys import challenges
from api import problems, schema

TEXT = (Path(__file__).parents[2] / "docs" / "passkeys.md").read_text()
SNIPPETS = dict(re.findall(r"^```(swift|kotlin)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))


def test_the_page_explains_each_code_of_the_api():
    answers = TEXT.partition("## Answers")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| \d{3}[^|]*\| (.+?) \|", answers, re.MULTILINE)
    named = {code.strip("`") for codes in rows for code in codes.split(", ")}

    assert {row.code for row in schema.PASSKEY_PROBLEMS} <= named
    assert named <= problems.TABLE.keys()


def test_the_example_has_the_lifetime_of_a_challenge():
    assert f'"expires_in": {challenges.SECONDS}' in TEXT
    assert f'"timeout": {challenges.SECONDS}000' in TEXT


def test_each_snippet_calls_both_addresses():
    assert SNIPPETS.keys() == {"swift", "kotlin"}
    for snippet in SNIPPETS.values():
        assert '"/api/token/passkey/options/"' in snippet
        assert '"/api/token/passkey/"' in snippet
