"""Attack mailed codes: guess those that were never mailed, and leave traps in a shared browser."""

import json
import re
import secrets

import pytest
from allauth.account.internal.flows.email_verification_by_code import (
    EMAIL_VERIFICATION_CODE_SESSION_KEY,
)
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone

from accounts.people.models import User
from tests.kit.clients import CHROME, is_signed_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import code_in

pytestmark = pytest.mark.django_db
SIGN_UP = "/accounts/signup/"
ASK, CONFIRM = "/accounts/login/code/", "/accounts/login/code/confirm/"
VERIFY, FORM = "/accounts/confirm-email/", "/accounts/3rdparty/signup/"
SHY = "4012345673"
"""A person at Kakao who shares no address."""
NEW = "new@example.org"
LONG = "a long new password"


@pytest.fixture
def any_time(settings):
    """Mail codes without a pause between them."""
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"confirm_email": None}


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


# Traps in a shared browser. Its frontend's calls share the cookie of the pages.


def call(browser, path, body):
    path = f"/_allauth/browser/v1/auth/{path}"
    return browser.post(path, json.dumps(body), content_type="application/json")


def sign_in_by_code(browser, email, deliver):
    call(browser, "code/request", {"email": email})
    call(browser, "code/confirm", {"code": code_in(deliver()[-1])})
    assert is_signed_in(browser)


def sign_in_by_password(browser, email, deliver):
    call(browser, "login", {"email": email, "password": PASSWORD})
    assert is_signed_in(browser)


def test_a_password_that_a_stranger_chose_here_ends_with_a_code(any_time, deliver):
    """The stranger has signed up twice with the address, in this browser the second time."""
    new_browser().post(SIGN_UP, {"email": NEW, "password1": LONG})
    browser = new_browser()
    browser.post(SIGN_UP, {"email": NEW, "password1": LONG})

    sign_in_by_code(browser, NEW, deliver)

    assert not User.objects.get().has_usable_password()


@pytest.mark.parametrize("enter", [sign_in_by_code, sign_in_by_password])
def test_a_connection_that_a_stranger_began_here_ends(user, any_time, kakao, walk, deliver, enter):
    browser = new_browser()
    walk(kakao, browser, identity=SHY)
    browser.post(FORM, {"email": user.email})
    code = code_in(deliver()[0])
    enter(browser, user.email, deliver)

    browser.post(VERIFY, {"code": code})

    assert not SocialAccount.objects.exists()


# Who has an account


def look(answer, email):
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", answer.text)
    return answer.status_code, answer.get("Location"), text.replace(email, "")


@pytest.mark.parametrize("enter", [None, sign_in_by_code, sign_in_by_password])
def test_a_sign_up_tells_nothing_after_another_sign_in(user, any_time, deliver, enter):
    mine = UserFactory(email="mine@example.com")

    def seen(email):
        browser = new_browser()
        browser.post(SIGN_UP, {"email": email, "password1": LONG})
        if enter is None:
            call(browser, "code/request", {"email": mine.email})
        else:
            enter(browser, mine.email, deliver)
        forms = {"code": "0000-0000"}, {"action": "resend"}, {"action": "restart"}
        answers = [browser.get(VERIFY), *[browser.post(VERIFY, form) for form in forms]]
        answers.append(call(browser, "email/verify", {"key": "0000-0000"}))
        return [look(answer, email) for answer in answers]

    assert seen(user.email) == seen(NEW)


def test_an_app_sees_the_same_after_a_sign_up_on_a_page(user, any_time, kakao, walk, send):
    def seen(email):
        browser = new_browser()
        walk(kakao, browser, identity=SHY)
        browser.post(FORM, {"email": email})
        nonce = secrets.token_urlsafe()
        answer = send("app", kakao, kakao.native(identity=SHY, nonce=nonce), nonce=nonce)
        answer.json()["meta"].pop("session_token")
        return answer.status_code, answer.json()["data"]

    assert seen(user.email) == seen(NEW)


def test_an_account_that_has_signed_in_looks_the_same_at_a_sign_up(any_time, kakao, walk):
    known = UserFactory(email="known@example.com", last_login=timezone.now())

    def seen(email):
        browser = new_browser()
        walk(kakao, browser, identity=SHY)
        answers = [browser.post(FORM, {"email": email}), browser.get(VERIFY)]
        answers.append(browser.post(VERIFY, {"action": "resend"}, follow=True))
        return [look(answer, email) for answer in answers]

    assert seen(known.email) == seen(NEW)


def test_a_connection_tells_nothing_after_a_sign_up_by_the_same_person(user, any_time, kakao, walk):
    """The person then signs in to an account of their own, and connects the same Kakao there."""

    def seen(email):
        mine = UserFactory(email=f"mine-of-{email}")
        other = new_browser()
        walk(kakao, other, identity=SHY)
        other.post(FORM, {"email": email})
        browser = new_browser()
        call(browser, "login", {"email": mine.email, "password": PASSWORD})
        start = browser.post("/accounts/kakao/login/?process=connect")
        done = browser.get(kakao.consent(start["Location"], identity=SHY))
        page = browser.get("/accounts/3rdparty/")
        mine.delete()  # and its connection
        return done.status_code, done.get("Location"), "other account" in page.text

    assert seen(user.email) == seen(NEW)
