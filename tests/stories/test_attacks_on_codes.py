"""Attack mailed codes: guess those that were never mailed, fill the log, leave traps in a browser."""

import pytest
from allauth.account.internal.flows.email_verification_by_code import (
    EMAIL_VERIFICATION_CODE_SESSION_KEY,
)
from django.test import Client

from tests.kit.clients import CHROME
from tests.kit.factories import UserFactory
from tests.kit.mails import code_in

pytestmark = pytest.mark.django_db
SIGN_UP = "/accounts/signup/"
ASK, CONFIRM = "/accounts/login/code/", "/accounts/login/code/confirm/"
VERIFY, FORM = "/accounts/confirm-email/", "/accounts/3rdparty/signup/"
SHY = "4012345673"
"""A person at Kakao who shares no address."""
NEW = "new@example.org"
LONG = "a long new password"


def new_browser():
    return Client(raise_request_exception=False, headers={"user-agent": CHROME})


def state_of(browser):
    """Return the state of the code that this browser waits for."""
    session = browser.session
    login = session.get("account_login", {}).get("state", {}).get("stages", {})
    reauth = [v for k, v in session.items() if "reauth" in k and isinstance(v, dict)]
    found = [
        session.get(EMAIL_VERIFICATION_CODE_SESSION_KEY),
        login.get("login_by_code", {}).get("data"),
        *reauth,
    ]
    return next(state for state in found if state)


@pytest.fixture
def one_mail(settings):
    """One mail a day for each address: a flood has used up the others."""
    settings.MAILS_PER_ADDRESS_AND_DAY = 1
    settings.ACCOUNT_RATE_LIMITS = False


# Codes that were not mailed


def ask_to_sign_in(email):
    browser = new_browser()
    browser.post(ASK, {"email": email})
    return browser


def ask_to_sign_up(email):
    browser = new_browser()
    browser.post(SIGN_UP, {"email": email, "password1": LONG})
    return browser


@pytest.mark.parametrize("ask", [ask_to_sign_in, ask_to_sign_up])
def test_a_code_that_was_not_mailed_cannot_be_guessed(one_mail, deliver, ask):
    email = UserFactory(email="mia@example.com").email if ask is ask_to_sign_in else NEW
    first, later = ask(email), ask(email)
    mails = deliver()

    guessed = state_of(later)["code"]

    assert len(mails) == 1
    assert state_of(first)["code"] == code_in(mails[0])
    assert len(guessed) > 60


def test_a_code_to_connect_that_was_not_mailed_cannot_be_guessed(
    one_mail, deliver, user, kakao, walk
):
    codes = []
    for _ in range(2):
        browser = new_browser()
        walk(kakao, browser, identity=SHY)
        browser.post(FORM, {"email": user.email})
        codes.append(state_of(browser)["code"])

    assert len(deliver()) == 1
    assert [len(code) > 60 for code in codes] == [False, True]


def test_a_code_of_a_proof_that_was_not_mailed_cannot_be_guessed(
    one_mail, deliver, user, signed_in
):
    codes = []
    for _ in range(2):
        signed_in.post("/accounts/reauthenticate/code/", {"recipient": user.email})
        codes.append(state_of(signed_in)["code"])

    assert len(deliver()) == 1
    assert [len(code) > 60 for code in codes] == [False, True]
