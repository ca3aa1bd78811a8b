"""Add, list and revoke API keys from the command line."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.services import keys
from accounts.services.models import ApiKey

pytestmark = pytest.mark.django_db


def run(*arguments):
    out = StringIO()
    call_command("api_keys", *arguments, stdout=out)
    return out.getvalue()


def test_a_key_is_added_and_its_secret_shown_once():
    printed = run("add", "Billing", "--scope", "orders:read", "--scope", "b", "--expires", "30")

    key = ApiKey.objects.get()
    secret = printed.split()[-1]
    assert (key.name, key.scope) == ("Billing", "orders:read b")
    assert keys.check(str(key.pk), secret) == key
    listed = run("list")
    assert secret not in listed
    assert f"{key.pk}  Active  {key.prefix}…" in listed


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "x", "--scope", "admin"),
        ("add", "x", "--scope", "role:editors"),
        ("add", "", "--scope", "a"),
        ("add", "x", "--expires", "0"),
        ("add", "x" * 81),
        ("add", "\u200b"),
        ("add", "x\u202ey"),
    ],
)
def test_a_wrong_key_is_not_added(arguments):
    with pytest.raises(CommandError):
        run(*arguments)

    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_once():
    run("add", "Billing")
    key = ApiKey.objects.get()

    assert "Revoked Billing" in run("revoke", str(key.pk))
    for wrong in (str(key.pk), "nonsense"):
        with pytest.raises(CommandError):
            run("revoke", wrong)
    assert "Revoked" in run("list")
