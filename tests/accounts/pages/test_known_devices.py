"""A browser that has signed in before is counted apart, so that strangers don't lock it out."""

import pytest
from django.test import Client

from tests.kit.clients import CHROME, sign_in
from tests.kit.factories import PASSWORD, UserFactory


@pytest.fixture
def known(user):
    """A browser that has signed in to this account, and out."""
    browser = Client(headers={"user-agent": CHROME})
    sign_in(browser, user)
    browser.post("/accounts/logout/")
    return browser


def lock_out(email):
    stranger = Client(REMOTE_ADDR="192.0.2.66")
    for _ in range(6):
        response = stranger.post("/accounts/login/", {"login": email, "password": "wrong"})
    assert response.status_code == 429


def test_strangers_do_not_lock_out_a_known_browser(known, user):
    lock_out(user.email)

    assert sign_in(known, user).status_code == 302


def test_a_new_browser_waits_after_guesses_of_strangers(user):
    lock_out(user.email)

    response = sign_in(Client(), user)

    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 300
    assert "Too many wrong passwords" in response.text
    assert "data-countdown=" in response.text


def test_a_known_browser_is_limited_too(known, user):
    statuses = [sign_in(known, user, password="wrong").status_code for _ in range(6)]

    assert statuses == [200] * 5 + [429]


def test_a_known_browser_is_unknown_to_other_accounts(known):
    other = UserFactory()
    lock_out(other.email)

    assert sign_in(known, other).status_code == 429


def test_a_browser_is_known_to_several_accounts(known, user):
    other = UserFactory()
    sign_in(known, other)
    known.post("/accounts/logout/")
    lock_out(user.email)

    assert sign_in(known, user).status_code == 302


@pytest.mark.parametrize("damage", ["other device", "other mark", "cut", "garbage", "endless"])
def test_a_damaged_cookie_makes_no_known_device(known, user, damage):
    value = known.cookies["device"].value
    device, mark = value.split(".")
    known.cookies["device"] = {
        "other device": f"{'0' * len(device)}.{mark}",
        "other mark": f"{device}.{'0' * len(mark)}",
        "cut": value[:-1],
        "garbage": "\xe9.\x7f..",
        "endless": ".".join([device, *["0" * 32] * 50, mark]),
    }[damage]
    lock_out(user.email)

    assert sign_in(known, user).status_code == 429


def test_only_the_last_five_accounts_are_kept(known):
    for _ in range(7):
        sign_in(known, UserFactory())
        known.post("/accounts/logout/")

    assert len(known.cookies["device"].value.split(".")) == 6


def test_the_cookie_names_nobody(known, user):
    value = known.cookies["device"].value

    assert user.email not in value
    assert str(user.pk) not in value


def test_a_frontend_with_cookie_delivery_is_a_known_device(user, settings):
    ours = {"origin": settings.SITE_URL, "x-token-delivery": "cookie"}
    frontend = Client(headers=ours)
    credentials = {"email": user.email, "password": PASSWORD}

    def obtain():
        answer = frontend.post("/api/token/", credentials, content_type="application/json")
        return answer.status_code

    assert obtain() == 200
    lock_out(user.email)
    assert obtain() == 200
    del frontend.cookies["device"]
    assert obtain() == 429
