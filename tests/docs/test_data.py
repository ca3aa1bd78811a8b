"""The page about data classes has each table, and the claims of both tokens."""

import json
import re
from base64 import urlsafe_b64decode

import pytest
from django.apps import apps

from tests.kit.documents import part_of, rows_of, text_of

TEXT = text_of("data.md")
CLASSES = {row[0] for row in rows_of(part_of(TEXT, "Classes"))}
TABLES = rows_of(part_of(TEXT, "Tables"))
ELSEWHERE = {row[0]: row for row in rows_of(part_of(TEXT, "Elsewhere"))}
UNUSED = "empty: tables of libraries that this site does not use"


def tables_of(row):
    return re.findall(r"`(\w+)`", row[0])


def test_each_table_has_a_class_and_occurs_once():
    named = [table for row in TABLES for table in tables_of(row)]

    assert sorted(named) == sorted(model._meta.db_table for model in apps.get_models())
    for row in TABLES:
        classes = {each for each in row[1].split(", ") if each}
        assert classes <= CLASSES
        assert classes or row[2] == UNUSED


def test_a_class_has_a_rule_in_each_column():
    assert {"secret", "personal", "internal", "public"} == CLASSES
    assert all(len(row) == 6 and all(row) for row in rows_of(part_of(TEXT, "Classes")))


def test_the_page_names_the_claims_of_both_tokens(pair):
    for name, token in [("access token", pair["access"]), ("refresh token", pair["refresh"])]:
        listed = ELSEWHERE[name][2].partition(";")[0]
        claims = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
        assert set(re.findall(r"`(\w+)`", listed)) == set(claims)


@pytest.mark.django_db
def test_the_tables_of_libraries_stay_empty(pair):
    (unused,) = (tables_of(row) for row in TABLES if row[2] == UNUSED)

    for model in apps.get_models():
        if model._meta.db_table in unused:
            assert not model._default_manager.exists(), model
