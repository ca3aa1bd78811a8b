"""The page about access has each permission of each role, each field of a user, and the real thresholds."""

import re
from datetime import timedelta

import pytest
from allauth.account import app_settings
from django.conf import settings

from accounts.client_info import ClientInfo
from accounts.operators.roles import ADMINISTRATOR, AUDITOR, ROLES, SUPPORT
from accounts.people.models import User
from accounts.signins import oddities, sessions
from accounts.signins.models import AuthSession
from api.serializers.account import MeSerializer
from tests.kit.clients import CHROME
from tests.kit.documents import part_of, rows_of, text_of
from tests.kit.factories import UserFactory

TEXT = text_of("access.md")


def named(cell):
    return re.findall(r"`(\w+)`", cell)


def test_the_table_has_the_permissions_of_each_role():
    rows = rows_of(part_of(TEXT, "Operators"))

    for number, role in enumerate([SUPPORT, AUDITOR, ADMINISTRATOR], start=1):
        listed = {row[0].strip("`") for row in rows if row[number] == "yes"}
        assert listed == {each.removeprefix("accounts.") for each in ROLES[role]}


def test_the_table_has_each_field_of_a_user():
    listed = {name for row in rows_of(part_of(TEXT, "Fields")) for name in named(row[0])}

    assert listed - {"roles"} == {field.name for field in User._meta.concrete_fields}


def test_the_owner_writes_only_these_fields_by_the_api():
    rows = rows_of(part_of(TEXT, "Fields"))
    writable = {name for row in rows if row[1] == "reads, writes" for name in named(row[0])}

    fields = MeSerializer().fields
    assert {name for name, field in fields.items() if not field.read_only} == writable
    readable = {name for row in rows if row[1].startswith("reads") for name in named(row[0])}
    assert set(fields) <= readable


def test_the_page_names_the_thresholds_of_the_code():
    rows = {row[0]: row[1] for row in rows_of(part_of(TEXT, "What else decides"))}

    assert rows["age of the last proof (`auth_time`)"] == f"{settings.FRESH_PROOF_SECONDS} s"
    assert rows["wrong passwords before"] == f"{oddities.MANY_FAILURES} in a day"
    assert rows["absence"] == f"{oddities.IDLE.days} days"
    assert rows["second step not done"] == f"{app_settings.LOGIN_TIMEOUT // 60} minutes"
    assert f"{settings.SESSION_IDLE_SECONDS // 86400} days without use" in TEXT
    assert f"after {settings.AUTH_SESSION_LIFETIME // timedelta(days=1)} days in any case" in TEXT


@pytest.mark.django_db
def test_a_further_sign_in_ends_no_other():
    user, client = UserFactory(), ClientInfo(ip="192.0.2.1", user_agent=CHROME)

    for _ in range(60):
        sessions.open(user, kind=AuthSession.Kind.BROWSER, client=client, amr=["pwd"])

    assert AuthSession.objects.filter(user=user, revoked_at=None).count() == 60
