"""A browser that has signed in before is counted apart, so that strangers don't lock it out."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from tests.kit.clients import CHROME, sign_in
from tests.kit.factories import PASSWORD, AuthSessionFactory, UserFactory


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


@pytest.mark.parametrize(
    "damage", ["other device", "other mark", "cut", "garbage", "endless", "no time"]
)
def test_a_damaged_cookie_makes_no_known_device(known, user, damage):
    value = known.cookies["device"].value
    device, mark = value.split(".")
    known.cookies["device"] = {
        "other device": f"{'0' * len(device)}.{mark}",
        "other mark": f"{device}.{'0' * len(mark)}",
        "cut": value[:-1],
        "garbage": "\xe9.\x7f..",
        "endless": ".".join([device, *["0" * 32] * 50, mark]),
        "no time": f"{device}.{mark.partition('-')[2]}",
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


# After a report "it wasn't me"


def report(user):
    """Let the owner report the browser of another person, from the own pages."""
    owner, other = Client(), AuthSessionFactory(user=user)
    sign_in(owner, user)
    assert owner.post("/accounts/activity/not-me/", {"sid": other.pk}).status_code == 302


def test_after_a_report_a_known_browser_has_no_count_of_its_own(known, user):
    report(user)
    lock_out(user.email)

    assert sign_in(known, user).status_code == 429


def test_a_browser_that_signs_in_after_a_report_is_known(known, user):
    report(user)
    user.set_password(PASSWORD)  # a new one, by the link in the mail
    user.save()
    with time_machine.travel(timezone.now() + timedelta(seconds=2), tick=True):
        assert sign_in(known, user).status_code == 302
        known.post("/accounts/logout/")
        lock_out(user.email)

        assert sign_in(known, user).status_code == 302
        assert known.cookies["device"].value.count("-") == 1  # the void mark is gone


def test_a_report_about_another_account_changes_nothing(known, user):
    report(UserFactory())
    lock_out(user.email)

    assert sign_in(known, user).status_code == 302
