"""One address gets so many mails a day, whoever types it, and no answer tells."""

import pytest
from django.core.cache import caches
from django.test import Client

from tests.kit.factories import PASSWORD
from tests.kit.mails import code_in

ASKS = {
    "a reset": ("/accounts/password/reset/", {"email": "{}"}),
    "a sign-in code": ("/accounts/login/code/", {"email": "{}"}),
    "a sign-up": ("/accounts/signup/", {"email": "{}", "password1": f"{PASSWORD}!"}),
}


@pytest.fixture
def ask(settings):
    settings.MAILS_PER_ADDRESS_AND_DAY = 2
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
