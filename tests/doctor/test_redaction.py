"""Test that a report shows no secret and no control character, whatever a server answers."""

import time

import pytest

from doctor import redaction
from doctor.site import STYLESHEET


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\ntwo\t three", "one two three"),
        ("issuer \x1b[1A\x1b[2K\x1b[32mok", "issuer �[1A�[2K�[32mok"),
        ("a\x00b\x07c\x9bd", "a�b�c�d"),
        ("right\u202eto left", "right�to left"),
        ("한국어, naïve, €", "한국어, naïve, €"),
    ],
)
def test_a_servers_text_becomes_one_harmless_line(text, line):
    assert redaction.clean(text) == line


def test_secrets_are_masked(settings):
    for secret in (settings.SECRET_KEY, settings.SOCIALACCOUNT_PROVIDERS["kakao"]["ADMIN_KEY"]):
        assert redaction.clean(f"a {secret} b") == "a … b"


@pytest.mark.parametrize(
    "page", ["<link" * 100_000, '<link href="' * 40_000, "<link " + "a" * 500_000]
)
def test_searching_a_hostile_page_takes_little_time(page):
    """Measures CPU time: a pattern with backtracking needs minutes."""
    began = time.process_time()

    assert STYLESHEET.search(page) is None
    assert time.process_time() - began < 20
