"""The choice "Stay signed in" holds at every door, and each browser remembers its choice."""

import json
import re

import pytest
from django.conf import settings
from django.test import Client

from accounts.pages import stays
from accounts.people.models import User
from tests.kit.clients import is_signed_in, sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import code_in

pytestmark = pytest.mark.django_db
ALL = pytest.mark.parametrize("standin", ["google", "kakao", "naver"], indirect=True)
CHOICES = pytest.mark.parametrize(("choice", "is_long"), [("on", True), ("off", False)])
WEEKS = 14 * 86400


def is_lasting(browser):
    """Does the browser's sign-in last, by the session in Redis and by the cookie?"""
    assert is_signed_in(browser)
    idle = browser.session.idle_seconds
    assert idle in {WEEKS, 12 * 3600}
    is_kept = bool(browser.cookies[settings.SESSION_COOKIE_NAME]["max-age"])
    assert is_kept == (idle == WEEKS)
    return is_kept


def start(standin, browser, **form):
    return standin.consent(browser.post(f"/accounts/{standin.name}/login/", form)["Location"])


@ALL
@CHOICES
def test_a_providers_sign_up_and_sign_in_keep_the_choice(standin, deliver, choice, is_long):
    for _ in ("sign-up", "sign-in"):
        browser = Client()
        browser.get(start(standin, browser, remember=choice))
        if standin.name == "naver" and not is_signed_in(browser):  # Naver verifies no address
            browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})
        assert is_lasting(browser) is is_long


@CHOICES
def test_a_sign_up_that_needs_another_form_keeps_the_choice(kakao, deliver, choice, is_long):
    browser = Client()
    url = browser.post("/accounts/kakao/login/", {"remember": choice})["Location"]
    browser.get(kakao.consent(url, identity="4012345673"))
    browser.post("/accounts/3rdparty/signup/", {"email": "seoyeon@example.org"})
    browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})

    assert is_lasting(browser) is is_long


@CHOICES
def test_the_choice_survives_the_proof_of_an_existing_account(
    kakao, owner, prove, deliver, choice, is_long
):
    browser = Client()
    browser.get(start(kakao, browser, remember=choice))
    checkbox = re.search(
        r'<input[^>]*name="remember"[^>]*>', browser.get("/accounts/3rdparty/link/").text
    )
    prove("code", browser)
    browser.post("/accounts/login/code/confirm/", {"code": code_in(deliver()[-1])})

    assert ("checked" in checkbox[0]) is is_long
    assert is_lasting(browser) is is_long


def test_the_choice_survives_another_users_sign_in(kakao):
    browser = Client()
    browser.get(start(kakao, browser))
    sign_in(browser, UserFactory())

    browser.get(start(kakao, browser, remember="on"))

    assert is_lasting(browser)


@pytest.mark.parametrize(("form", "is_long"), [({"remember": "on"}, True), ({}, False)])
def test_a_sign_up_keeps_the_choice(browser, deliver, form, is_long):
    browser.post("/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD} | form)
    browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})

    assert is_lasting(browser) is is_long


@pytest.mark.parametrize(("body", "is_long"), [({"remember": True}, True), ({}, False)])
def test_the_headless_doors_of_browsers_keep_the_choice(browser, user, deliver, body, is_long):
    def send(client, path, body):
        path = f"/_allauth/browser/v1/auth/{path}"
        return client.post(path, json.dumps(body), content_type="application/json")

    send(browser, "login", {"email": user.email, "password": PASSWORD} | body)
    newcomer = Client()
    send(newcomer, "signup", {"email": "new@example.com", "password": PASSWORD} | body)
    send(newcomer, "email/verify", {"key": code_in(deliver()[-1])})

    assert is_lasting(browser) is is_long
    assert is_lasting(newcomer) is is_long


@CHOICES
def test_the_headless_redirect_keeps_the_choice(kakao, choice, is_long):
    browser = Client()
    answer = browser.post(
        "/_allauth/browser/v1/auth/provider/redirect",
        {"provider": "kakao", "process": "login", "callback_url": "/", "remember": choice},
    )
    browser.get(kakao.consent(answer["Location"]))

    assert is_lasting(browser) is is_long


@CHOICES
def test_the_last_choice_is_the_next_default(browser, user, kakao, choice, is_long):
    sign_in(browser, user, **({"remember": "on"} if is_long else {}))
    browser.post("/accounts/logout/")

    for path in ("/accounts/login/", "/accounts/signup/"):
        page = browser.get(path).text
        fields = re.findall(r'<input[^>]*name="remember"[^>]*>', page)
        checkbox, *hidden = sorted(fields, key=lambda field: "hidden" in field)
        assert ("checked" in checkbox) is is_long
        assert hidden
        assert all(f'value="{choice}"' in field for field in hidden)
    browser.get(start(kakao, browser))  # without JavaScript, or from a page without the choice
    assert is_lasting(browser) is is_long


def test_the_callbacks_query_cannot_change_the_choice(kakao):
    browser = Client()
    url = start(kakao, browser, remember="off")

    browser.get(f"{url}&remember=on&stays=1")

    assert not is_lasting(browser)


@pytest.mark.parametrize("form", [{"remember": "on"}, {}])
def test_the_cookies_do_not_show_that_an_account_exists(user, form):
    def cookies(email):
        browser = Client()
        browser.post("/accounts/signup/", {"email": email, "password1": PASSWORD} | form)
        return {
            name: {key: value for key, value in morsel.items() if key != "expires"}
            for name, morsel in browser.cookies.items()
        }

    assert cookies(user.email) == cookies("new@example.com")
    assert User.objects.filter(email="new@example.com").exists()


def test_an_app_leaves_no_cookie(post, user):
    response = post("/api/token/", {"email": user.email, "password": PASSWORD})

    assert settings.STAY_COOKIE_NAME not in response.cookies


def test_a_wrong_cookie_counts_as_no(browser, user, rf):
    request = rf.get("/")
    request.session = browser.session
    request.COOKIES[settings.STAY_COOKIE_NAME] = "yes"

    assert stays.default(request) is False
