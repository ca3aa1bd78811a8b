"""Refuse definitions of profile fields that a form or an answer could not keep."""

import json
import os
import subprocess
import sys

import pytest
from django.utils import translation

from accounts.people import profile_fields
from tests.kit.processes import ROOT

LABEL = {"en": "Team", "ko": "팀"}
GOOD = {"name": "team", "label": LABEL}


def parse(*rows):
    return profile_fields.parse(json.dumps(rows))


def test_a_definition_has_defaults():
    [found] = parse(GOOD)

    assert found == profile_fields.ProfileField(name="team", kind="text", labels=LABEL)
    assert profile_fields.parse(" ") == ()


def test_a_required_field_is_asked_for_at_the_sign_up():
    assert parse(GOOD | {"required": True})[0].is_asked_at_sign_up


def test_a_label_is_in_the_readers_language():
    [found] = parse(GOOD)

    labels = {}
    for language in ("ko", "en", "fr"):
        with translation.override(language):
            labels[language] = found.label
    assert labels == {"ko": "팀", "en": "Team", "fr": "Team"}


@pytest.mark.parametrize(
    ("rows", "mistake"),
    [
        ([GOOD | {"name": "Team"}], "isn't of a-z"),
        ([GOOD | {"name": 7}], "isn't of a-z"),
        ([GOOD | {"name": "email"}], "is taken"),
        ([GOOD, GOOD], "the same name"),
        ([GOOD | {"typ": "text"}], "unknown member 'typ'"),
        ([GOOD | {"type": "number"}], "the type is text, choice or boolean"),
        ([GOOD | {"required": "yes"}], "`required` is true or false"),
        ([GOOD | {"ask": "later"}], "`ask` is sign_up or profile"),
        ([GOOD | {"max_length": 501}], "a number from 1 to 500"),
        ([GOOD | {"max_length": True}], "a number from 1 to 500"),
        ([GOOD | {"type": "boolean", "max_length": 5}], "only a text has `max_length`"),
        ([GOOD | {"label": {"en": "Team"}}], "a text for each of en, ko"),
        ([GOOD | {"label": {"en": "Team", "ko": " "}}], "a text for each of en, ko"),
        ([GOOD | {"choices": {"a": LABEL}}], "only a choice has `choices`"),
        ([GOOD | {"type": ["text"]}], "the type is text, choice or boolean"),
        ([GOOD | {"type": None}], "the type is text, choice or boolean"),
        ([GOOD | {"ask": {}}], "`ask` is sign_up or profile"),
        ([GOOD | {"name": ["team"]}], "isn't of a-z"),
        ([GOOD | {"name": "csrfmiddlewaretoken"}], "is taken"),
        ([GOOD | {"name": "elements"}], "is taken"),
        ([GOOD | {"name": "seen"}], "is taken"),
        ([GOOD | {"label": {"en": "Team", "ko": "\u200b"}}], "a text for each of en, ko"),
        ([GOOD | {"label": ["Team"]}], "a text for each of en, ko"),
        ([GOOD | {"type": "choice", "choices": {"a\u202e": LABEL}}], "invisible"),
        ([GOOD | {"type": "choice", "choices": {" a": LABEL}}], "spaces around it"),
        ([GOOD | {"type": "choice"}], "1 to 50 values"),
        ([GOOD | {"type": "choice", "choices": {"": LABEL}}], "is empty"),
        ([GOOD | {"type": "choice", "choices": {"a": "A"}}], "a text for each of en, ko"),
        ([["team"]], "a list of objects"),
        ([GOOD | {"name": f"f{n}"} for n in range(21)], "at most 20"),
    ],
)
def test_a_mistake_in_a_definition_is_named(rows, mistake):
    with pytest.raises(ValueError, match=mistake):
        parse(*rows)


@pytest.mark.parametrize("text", ["[{]", "[" * 100_000, "\ufeff[]"])
def test_text_that_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match="no JSON"):
        profile_fields.parse(text)


@pytest.mark.parametrize(
    ("text", "twice"),
    [
        ('[{"name": "a", "label": {"en": "A", "ko": "A"}, "name": "b"}]', "name"),
        ('[{"name": "a", "label": {"en": "A", "en": "B", "ko": "A"}}]', "en"),
    ],
)
def test_a_member_that_is_there_twice_is_refused(text, twice):
    with pytest.raises(ValueError, match=f"the member '{twice}' is there twice"):
        profile_fields.parse(text)


def test_every_value_of_a_choice_can_be_chosen():
    long = "x" * profile_fields.MAX_LENGTH
    [found] = parse(GOOD | {"type": "choice", "choices": {long: LABEL, "팀 A": LABEL}})

    assert [found.clean(value) for value in (long, "팀 A")] == [long, "팀 A"]


CHOICE = GOOD | {"type": "choice", "choices": {"free": LABEL}}
BOOLEAN = GOOD | {"type": "boolean"}


@pytest.mark.parametrize(
    ("definition", "stored", "fits"),
    [
        (GOOD, "Acme", True),
        (GOOD, True, False),
        (GOOD, None, False),
        (CHOICE, "free", True),
        (CHOICE, "", True),
        (CHOICE, "gold", False),
        (CHOICE, True, False),
        (BOOLEAN, False, True),
        (BOOLEAN, "Acme", False),
        (BOOLEAN, 1, False),
    ],
)
def test_a_value_of_a_former_definition_counts_as_missing(settings, definition, stored, fits):
    settings.PROFILE_FIELDS = parse(definition)

    shown = profile_fields.shown({"team": stored, "former": "x"})

    assert shown == ({"team": stored} if fits else {})


@pytest.mark.servers
def test_a_setting_with_a_mistake_stops_the_start():
    mistake = json.dumps([GOOD | {"name": "email"}])
    started = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=os.environ | {"PROFILE_FIELDS": mistake},
        capture_output=True,
        text=True,
        check=False,
    )

    assert started.returncode == 1
    assert (
        "PROFILE_FIELDS: the name 'email' is taken. See docs/profile-fields.md." in started.stderr
    )


def test_each_type_has_its_json_schema():
    choices = {"free": LABEL, "team": LABEL}
    found = parse(
        GOOD | {"max_length": 20},
        GOOD | {"name": "plan", "type": "choice", "choices": choices},
        GOOD | {"name": "must", "type": "choice", "choices": choices, "required": True},
        GOOD | {"name": "news", "type": "boolean"},
    )

    assert [each.schema for each in found] == [
        {"type": "string", "maxLength": 20, "description": "Team"},
        {"type": "string", "enum": ["free", "team", ""], "description": "Team"},
        {"type": "string", "enum": ["free", "team"], "description": "Team"},
        {"type": "boolean", "description": "Team"},
    ]
