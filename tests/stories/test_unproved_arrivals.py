"""An account comes from another system with an unproved address, which a stranger may have typed there."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone

from accounts.moving.models import ExternalId
from accounts.operators import proposals
from accounts.operators.models import EmailProposal
from accounts.people import addresses
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import is_signed_in, sign_in
from tests.kit.factories import PASSWORD, AuthSessionFactory, UserFactory
from tests.kit.factors import enrol_app
from tests.kit.legacy import came
from tests.kit.mails import code_in, link_in

pytestmark = pytest.mark.django_db
NAVER_UID = "q8Zt3mXv0aR-Wn5cYk2LhPd7Uqs1JbGf9iOoT4xEwHA"
POLICIES = ["open", "invitation", "closed"]


@pytest.fixture
def arrival():
    """Return an account with a password, a connection, a factor and a sign-in that nobody proved here."""
    user = UserFactory(email="hana@example.com", verified=False, display_name="a stranger")
    EmailAddress.objects.filter(
        user=user
    ).delete()  # an import writes no row for an unproved address
    SocialAccount.objects.create(user=user, provider="google", uid="stranger")
    came(user, waits_for_proof=True)
    return user


def sign_in_by_code(browser, user, deliver):
    browser.post("/accounts/login/code/", {"email": user.email})
    return browser.post("/accounts/login/code/confirm/", {"code": code_in(deliver()[-1])})


def sign_in_by_password(browser, user, deliver):
    sign_in(browser, user)
    return browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})


def reset(browser, user, deliver):
    browser.post("/accounts/password/reset/", {"email": user.email})
    form = browser.get(link_in(deliver()[-1]), follow=True)
    return browser.post(form.request["PATH_INFO"], {"password1": "a new pass phrase"})


@pytest.mark.parametrize("door", [sign_in_by_code, reset])
def test_what_a_stranger_brought_goes_at_the_first_proof(arrival, browser, deliver, door):
    enrol_app(arrival)
    strangers = AuthSessionFactory(user=arrival)

    door(browser, arrival, deliver)

    user = User.objects.get()
    assert not user.check_password(PASSWORD)
    assert user.display_name == ""
    assert not SocialAccount.objects.exists()
    assert not Authenticator.objects.exists()
    strangers.refresh_from_db()
    assert strangers.revoked_at is not None
    assert not ExternalId.objects.filter(waits_for_proof=True).exists()


def test_a_password_that_a_stranger_typed_in_this_browser_before_goes_too(
    arrival, browser, deliver
):
    sign_in(browser, arrival)
    session = browser.session
    for entry in ("account_login", "account_email_verification_code"):  # as when it was given up
        del session[entry]
    session.save()

    sign_in_by_code(browser, arrival, deliver)

    assert not User.objects.get().has_usable_password()


def test_who_gives_the_password_and_proves_the_address_keeps_all(arrival, browser, deliver):
    sign_in_by_password(browser, arrival, deliver)

    assert is_signed_in(browser)
    assert User.objects.get().check_password(PASSWORD)
    assert SocialAccount.objects.exists()
    assert EmailAddress.objects.get().verified


def test_nothing_goes_at_a_later_proof(arrival, browser, deliver):
    sign_in_by_password(browser, arrival, deliver)

    sign_in_by_code(Client(), arrival, deliver)

    assert User.objects.get().check_password(PASSWORD)


def test_the_connection_that_opened_the_sign_in_stays(arrival, visitor, walk, naver, deliver):
    SocialAccount.objects.create(user=arrival, provider="naver", uid=NAVER_UID)

    walk(naver)
    visitor.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})

    assert is_signed_in(visitor)
    assert SocialAccount.objects.get().provider == "naver"
    assert not User.objects.get().has_usable_password()


def test_a_proposed_email_removes_the_factors_too(arrival, admin_user):
    enrol_app(arrival)
    now = timezone.now()
    proposal = EmailProposal.objects.create(
        user=arrival,
        email="new@example.com",
        asked_by=admin_user,
        due_at=now,
        expires_at=now + proposals.LIFETIME,
        proved_at=now,
    )
    EmailProposal.objects.update(created_at=now - timedelta(days=2))

    assert proposals.carry_out(proposal)

    arrival.refresh_from_db()
    assert not arrival.has_usable_password()
    assert not Authenticator.objects.exists()
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("door", [sign_in_by_code, sign_in_by_password])
def test_the_policy_stops_nobody_who_came(arrival, browser, deliver, settings, policy, door):
    settings.SIGN_UP = policy

    assert door(browser, arrival, deliver).status_code == 302

    assert AuthSession.objects.get().user == arrival


def test_a_proof_by_another_account_deletes_nobody_who_came(arrival):
    EmailAddress.objects.create(user=arrival, email=arrival.email, verified=False)

    addresses.claim(arrival.email, owner_id=None)

    assert User.objects.get() == arrival
    assert addresses.is_kept(arrival.email, owner_id=None)


@pytest.mark.parametrize(("verified", "waits"), [("true", False), ("false", True)])
def test_an_import_notes_who_waits(tmp_path, verified, waits):
    from django.core.management import call_command  # noqa: PLC0415

    path = tmp_path / "users.csv"
    path.write_text(f"id,email,verified\n1,hana@example.com,{verified}\n")

    call_command("import_users", str(path), "--from", "csv")

    assert ExternalId.objects.get().waits_for_proof is waits
