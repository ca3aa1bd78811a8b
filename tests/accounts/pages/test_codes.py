"""A mailed code may be typed in any form, is tried a few times, and used once, also at once."""

import re
import threading
import time

import pytest
import time_machine
from allauth.account.adapter import get_adapter
from django.core.exceptions import ValidationError
from django.db import connections
from django.test import Client

from accounts.pages import codes
from accounts.signins.models import AuthSession
from tests.kit.factories import PASSWORD
from tests.kit.mails import code_in
from tests.kit.outage import without_redis

CODE = "1234-5678"
NEW = {"email": "new@example.com", "password1": "a long new password"}


def check(typed, expected=CODE, holder="a session", **options):
    """Return '' if the code is accepted, otherwise the refusal's text."""
    try:
        codes.check(typed, expected, holder=holder, **options)
    except ValidationError as error:
        return error.message
    return ""


@pytest.mark.parametrize(
    "typed",
    [
        "1234-5678",
        "12345678",
        " 1234 5678 ",
        "１２３４５６７８",  # noqa: RUF001 - a Korean keyboard's full-width digits
        "1234－5678",  # noqa: RUF001 - with a full-width hyphen
        "١٢٣٤٥٦٧٨",
        "Your code: 1234-5678.",
        "1234\n5678",
        "1 2 3 4 5 6 7 8",
    ],
)
def test_a_code_may_be_typed_in_any_form(typed):
    assert check(typed) == ""


@pytest.mark.parametrize("typed", ["", "1234", "123456789", "abcd", "0" * 60_000, "1234-5679"])
def test_another_code_is_wrong(typed):
    assert check(typed) == "That isn't the code. You have 4 tries left."


def test_each_wrong_code_says_how_many_tries_are_left():
    texts = [check("0") for _ in range(6)]

    assert texts == [
        "That isn't the code. You have 4 tries left.",
        "That isn't the code. You have 3 tries left.",
        "That isn't the code. You have 2 tries left.",
        "That isn't the code. You have 1 try left.",
        "That isn't the code. You have no tries left. Ask for a new code.",
        "Too many wrong tries for this code. Ask for a new code.",
    ]
    assert check(CODE) == "Too many wrong tries for this code. Ask for a new code."


def test_a_new_code_has_its_own_tries():
    for _ in range(9):
        check("0")

    assert check("8765-4321", expected="8765-4321") == ""


def test_a_code_is_used_once():
    assert [check(CODE) for _ in range(2)] == [
        "",
        "This code has been used already. Ask for a new code.",
    ]


def test_looking_at_a_code_does_not_use_it():
    assert check(CODE, is_spent=False) == ""
    assert check(CODE) == ""


def test_another_session_with_the_same_code_is_another_code():
    check(CODE)

    assert check(CODE, holder="another") == ""


def test_no_code_is_right_where_none_was_sent():
    assert "tries left" in check("", expected="")


def test_without_redis_no_code_is_checked(settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.2

    with without_redis(settings), pytest.raises(codes.counters.outage.StoreUnavailableError):
        codes.check(CODE, CODE, holder="a session")


def at_once(count, work):
    """Call `work(number)` in so many threads at once and return what they return."""
    start, results = threading.Barrier(count), []

    def run(number):
        start.wait()
        try:
            results.append(work(number))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == count
    return results


def test_of_twenty_wrong_codes_at_once_five_are_judged():
    texts = at_once(20, lambda number: check(f"{number}"))

    assert len([text for text in texts if "isn't the code" in text]) == 5
    assert len([text for text in texts if "Too many wrong tries" in text]) == 15


def test_of_six_right_codes_at_once_one_is_accepted():
    assert at_once(6, lambda _: check(CODE)).count("") == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", ["page", "app"])
def test_a_code_sent_six_times_at_once_opens_one_sign_in(deliver, door):
    """A session that six requests read at once must not give six sign-ins for one code."""
    browser = Client()
    if door == "page":
        browser.post("/accounts/signup/", NEW)
        code, cookie = code_in(deliver()[0]), browser.cookies["session"].value

        def send(_):
            one = Client()
            one.cookies["session"] = cookie
            return one.post("/accounts/confirm-email/", {"code": code}).status_code
    else:
        new = {"email": NEW["email"], "password": NEW["password1"]}
        pending = browser.post(
            "/_allauth/app/v1/auth/signup", new, content_type="application/json"
        ).json()
        code, token = code_in(deliver()[0]), pending["meta"]["session_token"]

        def send(_):
            return (
                Client()
                .post(
                    "/_allauth/app/v1/auth/email/verify",
                    {"key": code},
                    content_type="application/json",
                    headers={"x-session-token": token},
                )
                .status_code
            )

    answers = at_once(6, send)

    assert AuthSession.objects.count() == 1
    assert not {status for status in answers if status >= 500}


@pytest.mark.django_db
def test_a_mailed_code_has_eight_digits():
    """26 bits of which a visitor has five tries (ASVS 6.5.4)."""
    adapter = get_adapter()
    made = [adapter.generate_login_code(), adapter.generate_email_verification_code()]

    assert all(re.fullmatch(r"\d{4}-\d{4}", code) for code in made)
    assert made[0] != made[1]


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "is_good"), [(590, True), (610, False)])
def test_a_mailed_code_works_for_ten_minutes(browser, deliver, seconds, is_good):
    browser.post("/accounts/signup/", NEW)
    code = code_in(deliver()[0])

    with time_machine.travel(time.time() + seconds):
        browser.post("/accounts/confirm-email/", {"code": code})

    assert AuthSession.objects.exists() is is_good


def test_a_new_id_of_the_session_gives_no_new_tries(signed_in, deliver):
    """The user guesses the code of somebody else's address, and proves the sign-in in between."""
    signed_in.post("/accounts/email/", {"action_add": "", "email": "mia@example.com"})
    code = code_in(deliver()[-1])
    for _ in range(5):
        signed_in.post("/accounts/confirm-email/", {"code": "0000-0000"})
    former = signed_in.cookies["session"].value

    signed_in.post("/accounts/reauthenticate/", {"password": PASSWORD})
    refused = signed_in.post("/accounts/confirm-email/", {"code": code})

    assert signed_in.cookies["session"].value != former
    assert refused.status_code == 200
    assert "Too many wrong tries" in refused.text
