"""Claim another person's address first: it gains the attacker nothing, and doesn't harm the owner."""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from accounts.people import addresses
from accounts.people.models import User
from tests.kit.clients import bearer
from tests.kit.factories import PASSWORD, UserFactory

APP = "/_allauth/app/v1"


def test_an_email_change_takes_the_address_from_an_unproven_account(client, user, obtain, deliver):
    squatter = UserFactory(email="wanted@example.com", verified=False)
    me = {"headers": bearer(obtain(user)["access"]), "content_type": "application/json"}

    client.post(f"{APP}/auth/reauthenticate", {"password": PASSWORD}, **me)
    client.post(f"{APP}/account/email", {"email": "wanted@example.com"}, **me)
    code = re.search(r"\b\d{4}-\d{4}\b", deliver()[-1].body).group()
    answer = client.post(f"{APP}/auth/email/verify", {"key": code}, **me)

    assert answer.status_code == 200
    user.refresh_from_db()
    assert user.email == "wanted@example.com"
    assert not User.objects.filter(pk=squatter.pk).exists()


def test_a_proved_address_is_taken_from_a_claim_of_another_account(user):
    other = UserFactory()
    EmailAddress.objects.create(user=other, email="new@example.com", verified=False)

    EmailAddress.objects.create(user=user, email="new@example.com", verified=True)

    assert EmailAddress.objects.filter(email="new@example.com").get().user == user
    assert User.objects.filter(pk=other.pk).exists()


def test_a_reset_removes_provider_accounts_of_a_user_who_never_signed_in(client, deliver, db):
    victim = UserFactory(verified=False, display_name="chosen by the attacker")
    SocialAccount.objects.create(user=victim, provider="google", uid="attacker")
    client.post("/accounts/password/reset/", {"email": victim.email})
    link = re.search(r"http://testserver(/\S+/reset/key/\S+)", deliver()[-1].body).group(1)

    form = client.get(link, follow=True)
    client.post(form.request["PATH_INFO"], {"password1": "a new pass phrase"})

    victim.refresh_from_db()
    assert victim.check_password("a new pass phrase")
    assert victim.display_name == ""
    assert not SocialAccount.objects.filter(user=victim).exists()


def test_a_reset_keeps_provider_accounts_of_a_user_who_signed_in(client, deliver, signed_in, user):
    SocialAccount.objects.create(user=user, provider="google", uid="mine")
    client.post("/accounts/password/reset/", {"email": user.email})
    link = re.search(r"http://testserver(/\S+/reset/key/\S+)", deliver()[-1].body).group(1)

    form = client.get(link, follow=True)
    client.post(form.request["PATH_INFO"], {"password1": "a new pass phrase"})

    assert SocialAccount.objects.filter(user=user).exists()


def test_an_administrator_who_never_signed_in_keeps_the_address(user):
    admin = User.objects.create_superuser("ops@example.com", PASSWORD)

    with pytest.raises(IntegrityError), transaction.atomic():
        EmailAddress.objects.create(user=user, email="ops@example.com", verified=True)
        User.objects.filter(pk=user.pk).update(email="ops@example.com")
    addresses.claim("ops@example.com", owner_id=None)

    assert User.objects.filter(pk=admin.pk, is_superuser=True).exists()


def test_an_address_that_cannot_be_taken_changes_nothing(client, user, obtain, deliver):
    User.objects.create_superuser("ops@example.com", PASSWORD)
    before = user.email
    me = {"headers": bearer(obtain(user)["access"]), "content_type": "application/json"}
    client.post(f"{APP}/auth/reauthenticate", {"password": PASSWORD}, **me)

    client.post(f"{APP}/account/email", {"email": "ops@example.com"}, **me)
    codes = re.findall(r"\b\d{4}-\d{4}\b", "".join(mail.body for mail in deliver()))
    answers = [client.post(f"{APP}/auth/email/verify", {"key": code}, **me) for code in codes]

    assert codes
    assert {answer.status_code for answer in answers} <= {400, 409}
    user.refresh_from_db()
    assert user.email == before
    assert EmailAddress.objects.filter(user=user, verified=True).get().email == before


@pytest.mark.django_db
@pytest.mark.parametrize("has_group", [True, False])
def test_an_account_that_an_administrator_prepared_is_kept(has_group):
    """Its owner, who arrives by a provider, connects it after one proof."""
    prepared = UserFactory(email="mia@example.com", verified=False)
    EmailAddress.objects.all().delete()
    if has_group:
        prepared.groups.add(Group.objects.create(name="editors"))
        EmailAddress.objects.create(user=prepared, email=prepared.email, verified=False)

    addresses.claim("mia@example.com", owner_id=None)

    assert User.objects.get() == prepared


@pytest.mark.django_db
@pytest.mark.parametrize(
    "claimed", ["m\u0131a@example.com", "mia@exampl\u212a.com", "mia@example.co"]
)
def test_a_similar_address_deletes_nothing(claimed):
    """PostgreSQL's case rules make some letters equal that are not."""
    squatter = UserFactory(email="mia@example.com", verified=False)
    EmailAddress.objects.update_or_create(
        user=squatter, email=squatter.email, defaults={"verified": False}
    )

    addresses.claim(claimed, owner_id=None)

    assert User.objects.get() == squatter


@pytest.mark.django_db
def test_an_unproved_sign_up_gives_way_whatever_the_spelling():
    squatter = UserFactory(email="mia@example.com", verified=False)
    EmailAddress.objects.update_or_create(
        user=squatter, email=squatter.email, defaults={"verified": False}
    )

    addresses.claim(" MIA@Example.com", owner_id=None)

    assert not User.objects.exists()


@pytest.mark.parametrize("holder", ["unproved", "second", "proved", "staff"])
def test_a_new_email_of_the_page_is_stopped_by_its_owner_only(signed_in, user, deliver, holder):
    other = UserFactory(email="mia@example.com", verified=holder == "proved")
    if holder == "staff":
        User.objects.filter(pk=other.pk).update(is_staff=True)
    if holder == "second":
        User.objects.filter(pk=other.pk).update(email="other@example.com")
        EmailAddress.objects.create(user=other, email="other@example.com", verified=True)
    if holder != "proved":
        EmailAddress.objects.get_or_create(user=other, email="mia@example.com")

    signed_in.post("/accounts/email/", {"action_add": "", "email": "mia@example.com"})
    codes = re.findall(r"\b\d{4}-\d{4}\b", "".join(mail.body for mail in deliver()))
    for code in codes:
        signed_in.post("/accounts/confirm-email/", {"code": code})

    user.refresh_from_db()
    assert (user.email == "mia@example.com") == (holder in {"unproved", "second"})
