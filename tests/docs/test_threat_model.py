"""The limits and lifetimes that the threat model names are the defaults of the settings."""

import re

from django.conf import settings

from accounts.federation.linking import link_tokens
from api.signin import code, second_step
from tests.kit.documents import NAME, ROOT, part_of, rows_of, text_of
from tests.kit.doors import DOORS, NO_DOORS, PASSKEY_DOORS, SECOND_STEPS

TEXT = text_of("threat-model.md")
WAYS = rows_of(part_of(TEXT, "Doors"))
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

    assert len(named) == 7
    for name, seconds in named.items():
        default = re.search(rf'env\.int\("{name}", default=([\d* ]+)\)', sources)[1]
        assert eval(default) == seconds, name  # noqa: S307 - a product in our settings


def test_the_page_names_every_header_that_protects():
    text = part_of(text_of("threat-model.md"), "What browsers do for us")
    headers = {*settings.SECURITY_HEADERS, "Clear-Site-Data"}

    assert [name for name in headers if f"`{name}`" not in text] == []


def test_the_page_has_each_way_in_of_the_url_conf_once():
    """`tests/stories/test_fresh_proof.py` compares the lists of the kit with the URL conf."""
    named = [address for row in WAYS for address in re.findall(r"`/?([^`]+)`", row[0])]
    known = {
        re.sub(r"\^(password/reset/key/).*", r"\1KEY/", address)
        for address in DOORS.keys() | PASSKEY_DOORS.keys() | NO_DOORS.keys() | SECOND_STEPS
    }

    assert sorted(named) == sorted(known)


def test_each_way_in_has_its_controls_and_a_test():
    limits = {name for row in WAYS for name in re.findall(r"`(\w+)`", row[2])}

    assert limits <= settings.LIMITS.keys()
    assert [row[0] for row in WAYS if not all(row) or len(row) != 5] == []
    assert [row[0] for row in WAYS if not NAME.search(row[4])] == []


def test_the_page_has_each_kind_of_session_with_its_lifetimes():
    rows = rows_of(part_of(TEXT, "Sessions"))
    named = set(re.findall(r"`([A-Z_]+_SECONDS)`", part_of(TEXT, "Sessions")))
    lifetimes = {row[0].strip("`") for row in ROWS if len(row) == 3}

    assert named == lifetimes - {"FRESH_PROOF_SECONDS", "PASSWORD_RESET_SECONDS"}
    assert [row[0] for row in rows if len(row) != 6 or not all(row)] == []
    assert [row[0] for row in rows if not NAME.search(row[5])] == []


def test_the_page_names_the_lifetimes_of_waiting_tokens():
    row = next(row for row in rows_of(part_of(TEXT, "Sessions")) if "`mfa_token`" in row[0])
    minutes = [module.SECONDS // 60 for module in (second_step, code, link_tokens)]

    assert minutes == [5, 10, 10]
    assert row[3] == "five, ten and ten minutes"
