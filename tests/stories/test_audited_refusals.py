"""Attempts at an account leave a row in its audit log, in the transaction of the act itself."""

from functools import partial
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.pages import signing_up
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import bearer, sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.failing import failing
from tests.kit.mails import code_in
from tests.kit.racing import at_once
from tests.kit.standins import MINJI

NEW = {"email": "new@example.com", "password1": "a long new password"}
WRONG = {"code": "0000-0000"}
RECORDS = ("INSERT", "accounts_auditevent")


def rows(kind):
    """Return who, what, why and which sign-in, for each event of this type."""
    events = AuditEvent.objects.filter(type=kind).order_by("created_at")
    return [(event.user, event.identifier, event.reason, event.sid) for event in events]


def sid_of(user):
    return AuthSession.objects.active().get(user=user).pk


# Mailed codes


def test_five_wrong_codes_of_a_sign_up_leave_one_row(browser, deliver, db):
    browser.post("/accounts/signup/", NEW)
    deliver()

    for number in range(7):
        browser.post("/accounts/confirm-email/", {"code": f"0000-000{number}"})

    assert rows("code.refused") == [(User.objects.get(), NEW["email"], "", None)]


def test_four_wrong_codes_leave_no_row(browser, deliver, db):
    browser.post("/accounts/signup/", NEW)

    for _ in range(4):
        browser.post("/accounts/confirm-email/", WRONG)

    assert rows("code.refused") == []


def test_wrong_codes_of_a_sign_up_with_a_taken_address_name_no_account(browser, user):
    browser.post("/accounts/signup/", NEW | {"email": user.email})

    for _ in range(5):
        browser.post("/accounts/confirm-email/", WRONG)

    assert rows("code.refused") == [(None, user.email, "", None)]


def test_wrong_codes_of_a_new_email_name_the_sign_in(signed_in, user):
    signed_in.post("/accounts/email/", {"action_add": "", "email": "new@example.com"})

    for _ in range(5):
        signed_in.post("/accounts/confirm-email/", WRONG)

    assert rows("code.refused") == [(user, "new@example.com", "", sid_of(user))]


def test_wrong_codes_of_a_proof_name_the_sign_in(signed_in, user):
    signed_in.post("/accounts/reauthenticate/code/", {"recipient": user.email})

    for _ in range(5):
        signed_in.post("/accounts/reauthenticate/code/confirm/", WRONG)

    assert rows("code.refused") == [(user, user.email, "", sid_of(user))]


def test_wrong_codes_of_an_app_leave_a_row(app, db):
    body = {"email": NEW["email"], "password": NEW["password1"]}
    token = app("POST", "auth/signup", body).json()["meta"]["session_token"]

    for _ in range(5):
        app("POST", "auth/email/verify", {"key": "0000-0000"}, x_session_token=token)

    assert rows("code.refused") == [(User.objects.get(), NEW["email"], "", None)]


@pytest.mark.parametrize("door", ["page", "app", "api"])
@pytest.mark.parametrize("kind", ["wrong_code", "unknown_user", "user_inactive"])
def test_wrong_codes_of_a_sign_in_leave_one_row(app, post, browser, user, door, kind):
    """A stranger could otherwise fill the log, and what the user sees of it, with one code."""
    email = "nobody@example.com" if kind == "unknown_user" else user.email
    wrong = {"code": "0000-0000"}
    if door == "page":
        browser.post("/accounts/login/code/", {"email": email})
        send = partial(browser.post, "/accounts/login/code/confirm/", wrong)
    elif door == "app":
        meta = app("POST", "auth/code/request", {"email": email}).json()["meta"]
        token = meta["session_token"]
        send = partial(app, "POST", "auth/code/confirm", wrong, x_session_token=token)
    else:
        asked = post("/api/token/code/", {"email": email}).json()
        body = wrong | {"code_token": asked["code_token"]}
        send = partial(post, "/api/token/code/confirm/", body)
    if kind == "user_inactive":
        User.objects.update(is_active=False)

    for _ in range(8):
        send()

    named = None if kind == "unknown_user" else user
    assert rows("login.failed") == [(named, email, kind, None)]
    assert rows("code.refused") == []


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_twenty_wrong_codes_at_once_leave_one_row(browser):
    browser.post("/accounts/signup/", NEW)
    cookie = browser.cookies["session"].value

    def send(number):
        one = Client()
        one.cookies["session"] = cookie
        return one.post("/accounts/confirm-email/", {"code": f"0000-00{number:02}"})

    at_once(20, send)

    assert len(rows("code.refused")) == 1


# Resets


def test_a_requested_reset_is_on_the_user(browser, user):
    browser.post("/accounts/password/reset/", {"email": user.email.upper()})

    assert rows("password.reset_requested") == [(user, user.email, "", None)]


def test_a_reset_for_an_unknown_address_has_no_user(browser, db):
    browser.post("/accounts/password/reset/", {"email": "nobody@example.com"})

    assert rows("password.reset_requested") == [(None, "nobody@example.com", "unknown_user", None)]


def test_a_sign_in_code_is_no_requested_reset(browser, post, user):
    """Both addresses get a mail, and no row: an address without an account takes no longer."""
    for email in (user.email, "nobody@example.com"):
        browser.post("/accounts/login/code/", {"email": email})
        post("/api/token/code/", {"email": email})

    assert not AuditEvent.objects.exists()


def test_a_reset_that_an_app_requests_is_recorded(app, user):
    app("POST", "auth/password/request", {"email": user.email})

    assert rows("password.reset_requested") == [(user, user.email, "", None)]


def test_resets_over_the_limit_of_mails_leave_no_more_rows(user):
    for number in range(7):
        Client().post(
            "/accounts/password/reset/", {"email": user.email}, REMOTE_ADDR=f"192.0.2.{number}"
        )

    assert len(rows("password.reset_requested")) == 5


def test_an_invitation_is_a_reset_that_an_administrator_requested(admin_client, admin_user):
    admin_client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    admin_client.post("/admin/accounts/user/add/", {"email": NEW["email"], "locale": ""})

    event = AuditEvent.objects.get(type="password.reset_requested")
    assert (event.user.email, event.actor) == (NEW["email"], admin_user)


@pytest.mark.django_db(transaction=True)
def test_a_reset_that_cannot_be_recorded_mails_nothing(user, deliver):
    browser = Client(raise_request_exception=False)
    with failing(*RECORDS):
        refused = browser.post("/accounts/password/reset/", {"email": user.email})

    assert refused.status_code >= 500
    assert deliver() == []


# Step-up


def test_a_proof_and_a_wrong_one_are_recorded(signed_in, user):
    for password in ("a wrong password", PASSWORD):
        signed_in.post("/accounts/reauthenticate/", {"password": password})

    assert rows("session.proof_refused") == [(user, user.email, "wrong_password", sid_of(user))]
    assert rows("session.proved") == [(user, user.email, "", sid_of(user))]
    assert rows("login.failed") == []


def test_a_wrong_old_password_is_a_refused_proof(signed_in, user):
    new = {"oldpassword": "a wrong password", "password1": NEW["password1"]}
    signed_in.post("/accounts/password/change/", new)

    assert rows("session.proof_refused") == [(user, user.email, "wrong_password", sid_of(user))]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/_allauth/app/v1/auth/reauthenticate", "password"),
        ("/_allauth/app/v1/account/password/change", "current_password"),
    ],
)
def test_a_wrong_proof_of_an_app_names_its_sign_in(pair, user, path, name):
    body = {name: "a wrong password", "new_password": NEW["password1"]}
    Client().post(path, body, content_type="application/json", headers=bearer(pair["access"]))

    assert rows("session.proof_refused") == [
        (user, user.email, "wrong_password", UUID(pair["sid"]))
    ]


def test_a_wrong_password_of_a_sign_in_is_no_proof(user):
    sign_in(Client(), user, "a wrong password")

    assert rows("login.failed") == [(user, user.email, "wrong_password", None)]
    assert rows("session.proof_refused") == []


# Accounts that lose an address, or go


@pytest.fixture
def squatter(db):
    """Return an account that signed up with the address and never proved it."""
    return unproved(NEW["email"])


def unproved(email):
    user = UserFactory(email=email, verified=False)
    EmailAddress.objects.update_or_create(user=user, email=email, defaults={"verified": False})
    return user


def prove_elsewhere(browser, deliver):
    """Change the address of the signed-in user to `NEW`'s."""
    browser.post("/accounts/email/", {"action_add": "", "email": NEW["email"]})
    return browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})


def test_an_account_whose_address_another_proved_is_recorded(squatter, signed_in, user, deliver):
    prove_elsewhere(signed_in, deliver)

    assert list(User.objects.all()) == [user]
    assert rows("user.deleted") == [(None, NEW["email"], "address_proved", None)]
    assert AuditEvent.objects.get(type="user.deleted").ip is None


def test_a_proved_account_that_loses_an_address_is_recorded(signed_in, deliver):
    other = UserFactory()
    EmailAddress.objects.create(user=other, email=NEW["email"], verified=False)

    prove_elsewhere(signed_in, deliver)

    assert rows("email.lost") == [(other, NEW["email"], "", None)]
    assert rows("user.deleted") == []


def test_a_sign_up_that_another_visitor_proves_is_adopted(squatter, deliver):
    owner = Client()
    owner.post("/accounts/signup/", NEW | {"password1": "the owner's own password"})
    owner.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})

    assert rows("user.adopted") == [(squatter, NEW["email"], "", None)]
    assert rows("user.deleted") == []


def test_a_provider_that_proves_the_address_is_recorded(db, google, walk):
    unproved(MINJI)

    walk(google)

    assert rows("user.deleted") == [(None, MINJI, "address_proved", None)]


def test_a_sign_up_that_is_replaced_is_recorded(squatter):
    signing_up.replace(NEW["email"])

    assert rows("user.deleted") == [(None, NEW["email"], "signed_up_again", None)]


@pytest.mark.django_db(transaction=True)
def test_a_deletion_that_cannot_be_recorded_deletes_nothing(deliver):
    squatter, owner = unproved(NEW["email"]), UserFactory()
    browser = Client(raise_request_exception=False)
    sign_in(browser, owner)
    browser.post("/accounts/email/", {"action_add": "", "email": NEW["email"]})
    code = code_in(deliver()[-1])

    with failing(*RECORDS):
        refused = browser.post("/accounts/confirm-email/", {"code": code})

    assert refused.status_code >= 409
    assert User.objects.filter(pk=squatter.pk).exists()
    assert User.objects.get(pk=owner.pk).email == owner.email
