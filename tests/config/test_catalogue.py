"""Test that `catalogue` compiles translations as gettext does, without gettext."""

import gettext
import io
import os
import re

import pytest
from babel.messages import mofile, pofile

from config import catalogue

CATALOGUES = sorted(catalogue.LOCALE.glob("*/LC_MESSAGES/django.po"))

EDGES = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

# A comment with "quotes" and msgid "in it".
#, python-format
msgid "%(count)d \"device\""
msgid_plural "%(count)d \"devices\""
msgstr[0] "%(count)d 기기"
msgstr[1] "%(count)d 기기들"

msgctxt "button"
msgid "Sign in"
msgstr "로그인하기"
msgid "No blank line before"
msgstr "빈 줄 없음"

msgid ""
"one\n"
"\ttwo \\ three"
msgstr ""
"하나\n"
"\t둘 \\ 셋"

#, fuzzy, python-format
#| msgid "Sign off"
msgid "Fuzzy"
msgstr "애매"

msgid "Not translated"
msgstr ""

#~ msgid "Obsolete"
#~ msgstr "옛것"

msgid "Last"
msgstr "마지막"
"""


def read(compiled):
    """Return the messages by key, as Django reads them."""
    return gettext.GNUTranslations(io.BytesIO(compiled))


def by_babel(text):
    out = io.BytesIO()
    mofile.write_mo(out, pofile.read_po(io.StringIO(text)))
    return {key: value for key, value in read(out.getvalue())._catalog.items() if key}


def ours(text):
    return {key: value for key, value in read(catalogue.compiled(text))._catalog.items() if key}


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_our_catalogues_compile_as_by_babel(path):
    text = path.read_text()

    assert ours(text) == by_babel(text)
    assert len(ours(text)) > 300


def test_edge_cases_compile_as_by_babel():
    assert ours(EDGES) == by_babel(EDGES)


def test_texts_are_found_by_context_and_plural():
    translations = read(catalogue.compiled(EDGES))

    assert translations.pgettext("button", "Sign in") == "로그인하기"
    assert translations.ngettext('%(count)d "device"', '%(count)d "devices"', 2).endswith("들")
    assert translations.gettext("one\n\ttwo \\ three") == "하나\n\t둘 \\ 셋"
    for untranslated in ("Fuzzy", "Not translated", "Obsolete"):
        assert translations.gettext(untranslated) == untranslated


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "ko" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True)
    path.write_text(EDGES)
    return path


def test_a_missing_or_older_mo_is_compiled(source, tmp_path):
    target = source.with_suffix(".mo")

    catalogue.compile_changed(tmp_path)
    first = target.read_bytes()
    source.write_text(EDGES.replace("마지막", "끝"))
    os.utime(target, (0, 0))
    catalogue.compile_changed(tmp_path)

    assert read(first).gettext("Last") == "마지막"
    assert read(target.read_bytes()).gettext("Last") == "끝"
    assert sorted(path.name for path in target.parent.iterdir()) == ["django.mo", "django.po"]


def test_a_newer_mo_is_not_compiled_again(source, tmp_path):
    target = source.with_suffix(".mo")
    target.write_bytes(b"newer")

    catalogue.compile_changed(tmp_path)

    assert target.read_bytes() == b"newer"


@pytest.mark.parametrize("line", ["<<<<<<< HEAD", 'msgid "open', "msgid", '"a" "b" c'])
def test_an_unreadable_line_is_named_in_the_error(line):
    text = f"{EDGES}\n{line}\n"

    with pytest.raises(ValueError, match=re.escape(f"can't be read: {line}")):
        catalogue.compiled(text)
