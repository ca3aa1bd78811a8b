"""The limits and lifetimes that the threat model names are the defaults of the settings."""

import re

from django.conf import settings

from tests.kit.documents import ROOT, part_of, rows_of, text_of

ROWS = rows_of(part_of(text_of("threat-model.md"), "Limits and lifetimes"))


def test_the_page_names_every_limit_with_its_default():
    named = {
        row[0].strip("`"): tuple(int(number) for number in re.findall(r"\d+", row[1]))
        for row in ROWS
        if len(row) == 4
    }

    assert named == settings.LIMITS


def test_the_page_names_lifetimes_as_they_are_by_default():
    sources = "\n".join(path.read_text() for path in (ROOT / "config/settings").glob("*.py"))
    named = {row[0].strip("`"): int(row[1]) for row in ROWS if len(row) == 3}

    assert len(named) == 6
    for name, seconds in named.items():
        default = re.search(rf'env\.int\("{name}", default=([\d* ]+)\)', sources)[1]
        assert eval(default) == seconds, name  # noqa: S307 - a product in our settings


def test_the_page_names_every_header_that_protects():
    text = part_of(text_of("threat-model.md"), "What browsers do for us")
    headers = {*settings.SECURITY_HEADERS, "Clear-Site-Data"}

    assert [name for name in headers if f"`{name}`" not in text] == []
