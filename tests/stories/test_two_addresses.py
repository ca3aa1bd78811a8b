"""Somebody tries two addresses in one browser, or takes a code to another browser: nobody is led astray."""

import pytest
from django.test import Client

from accounts.people.models import User
from tests.kit.clients import CHROME, is_signed_in, sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.factors import enrol_app
from tests.kit.mails import code_in, link_in

pytestmark = pytest.mark.django_db
SIGNUP, CONFIRM, LOGIN = "/accounts/signup/", "/accounts/confirm-email/", "/accounts/login/"
BY_PASSKEY, BY_CODE = "/accounts/signup/passkey/", "/accounts/login/code/"
FIRST, SECOND = "first@example.com", "second@example.com"
ELSEWHERE = "No code is expected here: it was asked for in another browser"


@pytest.fixture(params=["new", "known"])
def waiting(request, browser):
    """A browser that waits for the code of a sign-up. The pages don't show whether the address is known."""
    if request.param == "known":
        UserFactory(email=FIRST)
    browser.post(SIGNUP, {"email": FIRST, "password1": PASSWORD})
    return browser


@pytest.mark.parametrize("path", [SIGNUP, BY_PASSKEY])
def test_a_sign_up_with_another_address_in_another_tab_begins_anew(waiting, path, deliver):
    answer = waiting.post(path, {"email": " Second@example.com", "password1": PASSWORD})

    assert answer["Location"] == CONFIRM
    page = waiting.get(CONFIRM).text
    assert SECOND in page
    assert FIRST not in page
    assert deliver()[-1].to == [SECOND]


def test_a_sign_up_in_another_tab_ends_with_its_own_account(waiting, deliver):
    waiting.post(SIGNUP, {"email": SECOND, "password1": PASSWORD})
    waiting.post(CONFIRM, {"code": code_in(deliver()[-1])})

    assert is_signed_in(waiting)
    assert User.objects.get(last_login__isnull=False).email == SECOND


def test_a_sign_in_in_another_tab_signs_in(waiting):
    user = UserFactory(email=SECOND)

    sign_in(waiting, user)

    assert is_signed_in(waiting)
    assert waiting.get(CONFIRM)["Location"] == "/accounts/email/"


def test_a_wrong_password_in_another_tab_is_said(waiting):
    UserFactory(email=SECOND)

    answer = waiting.post(LOGIN, {"login": SECOND, "password": "wrong"})

    assert answer.status_code == 200
    assert "The email or the password is wrong." in answer.text


@pytest.mark.parametrize("email", [FIRST, " FIRST@example.com "])
def test_the_same_address_again_leads_to_the_page_of_its_code(waiting, email, deliver):
    sent = len(deliver())

    answers = [
        waiting.post(SIGNUP, {"email": email, "password1": PASSWORD}),
        waiting.post(LOGIN, {"login": email, "password": PASSWORD}),
    ]

    assert [answer["Location"] for answer in answers] == [CONFIRM, CONFIRM]
    assert len(deliver()) == sent


def test_another_account_at_the_second_step_signs_in(browser, user):
    enrol_app(user)
    sign_in(browser, user)
    other = UserFactory()

    sign_in(browser, other)

    assert is_signed_in(browser)
    assert other.email in browser.get("/accounts/").text


def test_the_same_account_at_the_second_step_stays_there(browser, user):
    enrol_app(user)
    sign_in(browser, user)

    assert sign_in(browser, user)["Location"] == "/accounts/2fa/authenticate/"


def test_a_reset_in_the_browser_of_another_account_says_who_is_signed_in(
    browser, signed_in, deliver, user
):
    """The button "Sign in" would lead to the pages of the account that is signed in."""
    owner = UserFactory()
    browser.post("/accounts/password/reset/", {"email": owner.email})
    form = signed_in.get(link_in(deliver()[-1]))["Location"]

    page = signed_in.post(form, {"password1": "another long and odd phrase"}, follow=True).text

    assert f"you are still signed in as {user.email}" in page
    assert 'class="button" href="/accounts/logout/"' in page
    assert 'class="button" href="/accounts/login/"' not in page


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("begin", "form", "path"),
    [
        (SIGNUP, {"email": FIRST, "password1": PASSWORD}, CONFIRM),
        (BY_CODE, {"email": FIRST}, "/accounts/login/code/confirm/"),
    ],
)
def test_a_code_in_another_browser_is_told_why(browser, deliver, begin, form, path, method):
    UserFactory(email=FIRST)
    browser.post(begin, form)
    other = Client(headers={"user-agent": CHROME})

    answer = getattr(other, method)(path, {"code": "1234-5678"}, follow=True)

    assert answer.status_code == 200
    assert ELSEWHERE in answer.text
