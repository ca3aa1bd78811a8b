"""Create the demo accounts under DEMO=1 only, and only once."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.people.models import User
from demo import accounts
from demo.management.commands import seed_demo
from tests.kit.clients import bearer


@pytest.fixture
def seed(settings, db):
    settings.DEMO = True

    def run():
        output = StringIO()
        call_command(seed_demo.Command(), "--json", stdout=output)
        return json.loads(output.getvalue())

    return run


def test_it_refuses_outside_a_demo(db, settings):
    settings.DEMO = False

    with pytest.raises(CommandError, match="DEMO=1"):
        call_command(seed_demo.Command())

    assert not User.objects.exists()


def test_it_prints_each_account_as_json(seed):
    printed = seed()

    assert [sorted(account) for account in printed] == [["email", "password", "role"]] * 3
    assert [account["role"] for account in printed] == ["visitor", "staff", "admin"]


def test_a_second_run_keeps_accounts_and_their_changes(seed):
    first = seed()
    User.objects.filter(email=first[0]["email"]).update(display_name="Changed")

    second = seed()

    assert first == second
    assert User.objects.count() == 3
    assert User.objects.get(email=first[0]["email"]).display_name == "Changed"


def test_without_demo_nobody_signs_in_with_a_public_password(seed, client):
    for account in seed():
        answer = client.post(
            "/api/token/",
            {"email": account["email"], "password": account["password"]},
            content_type="application/json",
        )

        assert answer.status_code == 401
        assert answer.json()["code"] == "invalid_credentials"


def test_every_account_signs_in_and_has_the_rights_of_its_role(seed, client, settings):
    settings.REFUSED_EMAILS = set()
    rights = {}
    for account in seed():
        pair = client.post(
            "/api/token/",
            {"email": account["email"], "password": account["password"]},
            content_type="application/json",
        ).json()
        assert client.get("/api/me/", headers=bearer(pair["access"])).status_code == 200
        user = User.objects.get(email=account["email"])
        rights[account["role"]] = (
            user.is_staff,
            user.is_superuser,
            user.has_perm("accounts.change_authsession"),
            user.has_perm("accounts.change_user"),
        )

    assert rights == {
        "visitor": (False, False, False, False),
        "staff": (True, False, True, False),
        "admin": (True, True, True, True),
    }


def test_the_refused_emails_are_those_of_the_demo_accounts(settings):
    assert {account.email for account in accounts.ALL} == settings.DEMO_EMAILS
