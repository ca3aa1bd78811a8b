"""Many people behind one address sign up, sign in and refresh within a minute, by the default limits.

An office is never refused. A flood from one address still is.
"""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from django_redis import get_redis_connection

from tests.kit.clients import CHROME, is_signed_in, sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import code_in, link_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def one_minute():
    """Stop the clock, so that all limits see one moment."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


@pytest.fixture
def codes(deliver):
    """Return a function that delivers the mails, and returns the last code to each address."""
    return lambda: {
        mail.to[0]: code_in(mail)
        for mail in deliver()
        if "/confirm" in mail.body or "code" in mail.subject.lower()
    }


def new_browser():
    return Client(headers={"user-agent": CHROME})


def sign_up(browser, name, password="a long and good password"):
    form = {"email": f"{name}@example.org", "password1": password}
    return browser.post("/accounts/signup/", form)


def counts():
    """Return the counters of limits, without those that only bound the number of notices."""
    keys = get_redis_connection("default").scan_iter("attempts:*")
    return [key for key in keys if not key.startswith(b"attempts:notice_")]


@pytest.mark.sweep
def test_forty_people_sign_in_by_kakao(kakao, walk):
    """More people than any limit of refusals. The number does not matter, because nothing is counted."""
    for _ in range(40):
        browser = Client(headers={"user-agent": CHROME})
        walk(kakao, browser)
        assert is_signed_in(browser)

    assert not counts()


@pytest.mark.sweep
def test_a_backend_for_frontends_refreshes_150_times(pair, post, one_minute):
    token = pair["refresh"]
    for _ in range(150):
        one_minute.shift(timedelta(milliseconds=300))
        answer = post("/api/token/refresh/", {"refresh": token})
        assert answer.status_code == 200, answer.content
        token = answer.json()["refresh"]

    assert not counts()


@pytest.mark.sweep
def test_typing_errors_of_others_do_not_stop_a_known_device(user, browser):
    browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    browser.post("/accounts/logout/")
    for number in range(101):
        wrong = {"login": f"u{number}@example.com", "password": "a wrong password"}
        answer = Client().post("/accounts/login/", wrong)
    assert answer.status_code == 429

    browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})

    assert is_signed_in(browser)


@pytest.mark.sweep
def test_forty_people_with_two_typing_errors_each_sign_in(one_minute):
    """All mistype at the same time, and then again."""
    people = [(new_browser(), user) for user in UserFactory.create_batch(40)]
    for _ in range(2):
        answers = [sign_in(browser, user, "a wrong password") for browser, user in people]
        assert {answer.status_code for answer in answers} == {200}

    for browser, user in people:
        sign_in(browser, user)
        assert is_signed_in(browser)


@pytest.mark.sweep
def test_typing_errors_are_forgotten_after_the_sign_in(one_minute):
    """More errors than the limit allows, one person after the other."""
    for user in UserFactory.create_batch(60):
        browser = new_browser()
        for _ in range(2):
            sign_in(browser, user, "a wrong password")
        sign_in(browser, user)
        assert is_signed_in(browser)


def test_a_flood_of_wrong_passwords_is_refused(settings, one_minute):
    """Also if its sender signs in to an account of their own again and again."""
    settings.LIMITS = settings.LIMITS | {"sign_in_network": (10, 300)}
    own = UserFactory()
    statuses = []
    for number in range(11):
        form = {"login": f"u{number}@example.com", "password": "a wrong password"}
        statuses.append(Client().post("/accounts/login/", form).status_code)
        sign_in(Client(), own)

    assert statuses == [200] * 10 + [429]


@pytest.mark.sweep
def test_an_office_signs_in_on_a_monday_morning(kakao, walk, codes, post, one_minute):
    """All sign-ins have ended on the weekend. Frontends ask for tokens before anybody signs in."""
    by_password, by_code = UserFactory.create_batch(25), UserFactory.create_batch(25)
    for _ in range(150):
        assert post("/api/token/refresh/", {}).status_code == 401
    browsers = {}
    for user in by_password:
        browser = new_browser()
        sign_in(browser, user, "a wrong password")
        assert sign_in(browser, user).status_code == 302
    for _ in range(25):
        walk(kakao, browser := new_browser())
        assert is_signed_in(browser)
    for user in by_code:
        browsers[user.email] = browser = new_browser()
        assert browser.post("/accounts/login/code/", {"email": user.email}).status_code == 302
    for email, code in codes().items():
        if email in browsers:
            browsers[email].post("/accounts/login/code/confirm/", {"code": code})
    apps = [sign_in(Client(), user, door="api").json() for user in by_password]
    for pair in apps:
        one_minute.shift(timedelta(milliseconds=10))
        assert post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 200

    assert all(is_signed_in(browser) for browser in browsers.values())
    of_network = ("sign_in_network", "code:", "social", "refresh:")
    prefixes = tuple(f"attempts:{name}".encode() for name in of_network)
    assert [name for name in counts() if name.startswith(prefixes)] == []


@pytest.mark.sweep
def test_pages_that_ask_without_a_token_stop_nobody(post):
    answers = [post("/api/token/refresh/", {}) for _ in range(130)]
    of_apps = [
        post("/_allauth/app/v1/tokens/refresh", {"refresh_token": ""}).status_code
        for _ in range(130)
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert 429 not in of_apps
    assert post("/api/token/refresh/", {"refresh": "x"}).status_code == 401
    assert len(counts()) == 1


@pytest.mark.sweep
def test_fifty_people_sign_up_in_one_room(db):
    for number in range(50):
        assert sign_up(new_browser(), number).status_code == 302


@pytest.mark.sweep
def test_three_classes_sign_up_one_after_another(codes, one_minute):
    """More people than the limit of mails that nobody used."""
    for each in range(3):
        browsers = {f"p{each}-{number}@example.org": new_browser() for number in range(40)}
        for email, browser in browsers.items():
            assert sign_up(browser, email.partition("@")[0]).status_code == 302
        for email, code in codes().items():
            if email in browsers:
                browsers[email].post("/accounts/confirm-email/", {"code": code})
        assert all(is_signed_in(browser) for browser in browsers.values())


@pytest.mark.sweep
def test_a_class_with_refused_passwords_signs_up(one_minute):
    for number in range(40):
        browser = new_browser()
        assert sign_up(browser, number, password="password123").status_code == 200
        assert sign_up(browser, number, password="short").status_code == 200
        assert sign_up(browser, number).status_code == 302


@pytest.mark.parametrize("kind", ["sign_up", "reset", "code"])
def test_a_flood_of_mails_is_refused(settings, kind, one_minute):
    """Also if its sender uses the mails to an address of their own."""
    settings.LIMITS = settings.LIMITS | {kind: (5, 60)}
    path, field = {
        "sign_up": ("/accounts/signup/", {"password1": "a long and good password"}),
        "reset": ("/accounts/password/reset/", {}),
        "code": ("/accounts/login/code/", {}),
    }[kind]

    answers = [
        new_browser().post(path, {"email": f"v{number}@example.org"} | field) for number in range(6)
    ]

    assert [answer.status_code for answer in answers] == [302] * 5 + [429]
    assert 0 < int(answers[5]["Retry-After"]) <= 60
    elsewhere = new_browser().post(
        path, {"email": "w@example.org"} | field, REMOTE_ADDR="192.0.2.9"
    )
    assert elsewhere.status_code == 302


@pytest.mark.parametrize("kind", ["sign_up", "reset", "code", "code of an app"])
def test_a_mail_that_was_used_is_free(settings, kind, deliver, post, one_minute):
    """More mails than the limit, each used before the next one is asked for."""
    settings.LIMITS = settings.LIMITS | dict.fromkeys(("sign_up", "reset", "code"), (1, 60))
    for user in UserFactory.create_batch(3):
        browser = new_browser()
        if kind == "sign_up":
            answer = sign_up(browser, user.pk)
            used = browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})
        elif kind == "reset":
            answer = browser.post("/accounts/password/reset/", {"email": user.email})
            form = browser.get(link_in(deliver()[-1]))["Location"]
            used = browser.post(form, {"password1": "a long and good password"})
        elif kind == "code":
            answer = browser.post("/accounts/login/code/", {"email": user.email})
            path = "/accounts/login/code/confirm/"
            used = browser.post(path, {"code": code_in(deliver()[-1])})
        else:
            answer = post("/api/token/code/", {"email": user.email})
            body = {"code_token": answer.json()["code_token"], "code": code_in(deliver()[-1])}
            used = post("/api/token/code/confirm/", body)
        assert (answer.status_code, used.status_code) in {(302, 302), (200, 200)}


@pytest.mark.sweep
def test_fifty_people_ask_for_a_reset_in_one_room(db):
    for user in UserFactory.create_batch(50):
        answer = Client().post("/accounts/password/reset/", {"email": user.email})
        assert answer.status_code == 302
