"""Remove all factors of a person who lost them, by the operators' command."""

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command

from accounts.audit.models import AuditEvent
from accounts.signins.models import AuthSession
from tests.kit.clients import is_signed_in
from tests.kit.factories import UserFactory
from tests.kit.factors import enrol


def test_the_command_removes_the_factors_and_ends_all_sign_ins(signed_in, user, deliver):
    enrol(user)
    enrol(UserFactory())
    call_command("remove_factors", user.email.upper())

    assert not Authenticator.objects.filter(user=user).exists()
    assert Authenticator.objects.count() == 2
    assert not is_signed_in(signed_in)
    assert AuthSession.objects.get().revoked_reason == "admin"
    assert AuditEvent.objects.get(type="factor.removed").user == user
    assert "no longer asks" in deliver()[-1].body


def test_the_command_refuses_an_account_without_factors(user):
    with pytest.raises(CommandError, match="has no second factor"):
        call_command("remove_factors", user.email)


def test_the_command_refuses_an_unknown_email(db):
    with pytest.raises(CommandError, match="No account has the email"):
        call_command("remove_factors", "nobody@example.com")


def test_the_admin_deletes_a_user_with_factors(admin_client, user):
    enrol(user)
    path = f"/admin/accounts/user/{user.pk}/delete/"
    page, done = admin_client.get(path), admin_client.post(path, {"post": "yes"})

    assert page.status_code == 200
    assert done.status_code == 302
    assert not Authenticator.objects.exists()
