"""One address gets so many mails a day, whoever types it, and no answer tells."""

import pytest
from django.core.cache import caches
from django.test import Client

from tests.kit.clients import sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import code_in

ASKS = {
    "a reset": ("/accounts/password/reset/", {"email": "{}"}),
    "a sign-in code": ("/accounts/login/code/", {"email": "{}"}),
    "a sign-up": ("/accounts/signup/", {"email": "{}", "password1": f"{PASSWORD}!"}),
}


@pytest.fixture
def ask(settings):
    settings.MAILS_PER_ADDRESS_AND_DAY = 2
    settings.MAILS_PER_ADDRESS_AND_NETWORK = 2
    settings.ACCOUNT_RATE_LIMITS = False

    def run(kind, email):
        path, form = ASKS[kind]
        filled = {name: value.format(email) for name, value in form.items()}
        return Client().post(path, filled)

    return run


@pytest.mark.parametrize("kind", ASKS)
def test_an_address_gets_its_share_and_no_more(ask, user, deliver, kind):
    answers = [ask(kind, user.email) for _ in range(5)]

    assert len(deliver()) == 2
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {
        (302, answers[0]["Location"])
    }


def test_every_kind_and_spelling_counts_together(ask, user, deliver):
    ask("a reset", user.email)
    ask("a sign-up", user.email.upper())
    ask("a reset", user.email)

    assert len(deliver()) == 2


def test_another_address_has_a_share_of_its_own(ask, user, deliver):
    for _ in range(3):
        ask("a reset", user.email)
    ask("a sign-up", "another@example.com")

    assert code_in(deliver()[-1])


def test_a_notice_of_security_always_arrives(ask, user, signed_in, deliver):
    for _ in range(3):
        ask("a reset", user.email)

    signed_in.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": "another long pass phrase"},
    )

    assert len(deliver()) == 3


def test_the_next_day_begins_anew(ask, user, deliver):
    for _ in range(3):
        ask("a reset", user.email)
    caches["default"].clear()

    ask("a reset", user.email)

    assert len(deliver()) == 3


# A stranger can't use up the owner's mails


def ask_for_reset(email, browser=None, ip="127.0.0.1"):
    (browser or Client()).post("/accounts/password/reset/", {"email": email}, REMOTE_ADDR=ip)


def test_a_device_of_the_owner_has_a_share_of_its_own(ask, user, browser, deliver):
    sign_in(browser, user)
    browser.post("/accounts/logout/")
    for number in range(5):
        ask_for_reset(user.email, ip=f"192.0.2.{number}")
    before = len(deliver())

    for _ in range(5):
        ask_for_reset(user.email, browser)

    assert (before, len(deliver())) == (2, 4)


def test_a_signed_in_owner_has_a_share_of_its_own(ask, user, app, obtain, deliver):
    """An app sends no cookie, so its token tells."""
    access = obtain(user)["access"]
    for _ in range(5):
        ask("a reset", user.email)
    before = len(deliver())

    answer = app(
        "POST",
        "auth/reauthenticate/code/request",
        {"email": user.email},
        authorization=f"Bearer {access}",
    )

    assert answer.status_code == 200
    assert (before, len(deliver())) == (2, 3)


def test_a_device_of_another_account_is_a_stranger(ask, user, browser, deliver):
    another = UserFactory()
    sign_in(browser, another)
    for _ in range(5):
        ask("a reset", user.email)

    ask_for_reset(user.email, browser)

    assert len(deliver()) == 2


def test_one_network_uses_up_its_part_only(ask, user, deliver, settings):
    settings.MAILS_PER_ADDRESS_AND_DAY, settings.MAILS_PER_ADDRESS_AND_NETWORK = 3, 2
    for _ in range(5):
        ask_for_reset(user.email, ip="192.0.2.1")
    before = len(deliver())

    ask_for_reset(user.email, ip="192.0.2.2")

    assert (before, len(deliver())) == (2, 3)


def test_the_answers_to_a_stranger_and_to_a_known_device_are_the_same(ask, user, browser):
    sign_in(browser, user)
    browser.post("/accounts/logout/")
    answers = [
        each.post("/accounts/password/reset/", {"email": user.email})
        for each in (browser, *[Client()] * 4)
    ]

    assert len({(each.status_code, each["Location"]) for each in answers}) == 1
