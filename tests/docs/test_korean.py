"""The Korean of pages and mails has one tone: formal endings, as its readers expect of a sign-in."""

import re

from tests.kit.processes import ROOT

CATALOGUE = ROOT / "locale" / "ko" / "LC_MESSAGES" / "django.po"
CASUAL = re.compile(r"(?:[가-힣]요)(?=[\s.!?,\"<]|$)")
FORMAL = ("세요", "까요", "하나요", "가요", "나요", "필요", "중요", "주요", "개요")
"""Requests, questions, and nouns that end so."""
SPOKEN = {"제가 아니에요", "아니요"}
"""A button has the words of the person who presses it, and an answer is no sentence."""


def test_no_text_has_a_casual_ending():
    texts = re.findall(r'^msgstr(?:\[0\])? "(.*)"', CATALOGUE.read_text("utf-8"), re.MULTILINE)
    casual = [
        text
        for text in texts
        if text not in SPOKEN
        and any(not text[: match.end()].endswith(FORMAL) for match in CASUAL.finditer(text))
    ]

    assert len(texts) > 1000
    assert casual == []
