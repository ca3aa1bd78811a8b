"""Hangul is turned into the keys of the standard Korean keyboard."""

import unicodedata

import pytest

from accounts.people.korean_keys import typed


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("안녕하세요", "dkssudgktpdy"),
        ("비밀번호", "qlalfqjsgh"),
        ("까치", "rkcl"),
        ("닭갈비 없다", "ekfrrkfql djqtek"),
        ("왜 의자", "dho dmlwk"),
        ("ㅁㄴㅇㄹ", "asdf"),
        ("password 1", "password 1"),
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC"])
def test_hangul_is_typed(text, keys, form):
    assert typed(unicodedata.normalize(form, text)) == keys
