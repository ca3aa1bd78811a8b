"""A thing that works once has one winner, also if several requests send it at the same time."""

import copy
import json

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.outbox.models import Job
from accounts.people.models import User
from tests.kit.clients import sign_in
from tests.kit.mails import code_in, link_in
from tests.kit.racing import at_once

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORDS = [f"another long password {number}" for number in range(4)]
WAY_ON = 'href="/accounts/password/reset/"'


def events(kind):
    return AuditEvent.objects.filter(type=kind).count()


# Reset links


@pytest.fixture
def key(user, deliver):
    """The key of a reset link that was mailed to the user."""
    Client().post("/accounts/password/reset/", {"email": user.email})
    return link_in(deliver()[-1]).rstrip("/").rsplit("/", 1)[1]


def reset_on_the_page(key, passwords):
    """Open the link in this number of browsers, then send all forms at the same time."""
    browsers = [Client() for _ in passwords]
    forms = [
        browser.get(f"/accounts/password/reset/key/{key}/")["Location"] for browser in browsers
    ]
    return at_once(
        len(passwords),
        lambda number: browsers[number].post(forms[number], {"password1": passwords[number]}),
    )


def reset_by_program(client, key, passwords):
    path = f"/_allauth/{client}/v1/auth/password/reset"
    return at_once(
        len(passwords),
        lambda number: Client().post(
            path,
            json.dumps({"key": key, "password": passwords[number]}),
            content_type="application/json",
        ),
    )


def assert_one_password_was_set(user, passwords):
    stored = User.objects.get(pk=user.pk)
    assert [stored.check_password(each) for each in passwords].count(True) == 1
    assert events("password.reset") == 1


def test_of_four_resets_at_once_on_the_page_one_wins(user, key):
    answers = reset_on_the_page(key, PASSWORDS)

    losers = [answer for answer in answers if answer.status_code == 200]
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 302]
    assert all(WAY_ON in answer.text for answer in losers)
    assert all("It was used before" in answer.text for answer in losers)
    assert_one_password_was_set(user, PASSWORDS)


def test_one_password_sent_by_two_browsers_is_set_once(user, key):
    answers = reset_on_the_page(key, [PASSWORDS[0]] * 2)

    assert sorted(answer.status_code for answer in answers) == [200, 302]
    assert events("password.reset") == 1


@pytest.mark.parametrize("client", ["app", "browser"])
def test_of_four_resets_at_once_by_program_one_wins(user, key, client):
    answers = reset_by_program(client, key, PASSWORDS)

    losers = [answer.json() for answer in answers if answer.status_code == 400]
    assert len(losers) == 3
    assert {error["param"] for body in losers for error in body["errors"]} == {"key"}
    assert_one_password_was_set(user, PASSWORDS)


def test_the_page_and_a_program_at_once_have_one_winner(user, key):
    browser = Client()
    form = browser.get(f"/accounts/password/reset/key/{key}/")["Location"]

    def send(number):
        if number == 0:
            return browser.post(form, {"password1": PASSWORDS[0]})
        return reset_by_program("app", key, PASSWORDS[1:2])[0]

    at_once(2, send)

    assert_one_password_was_set(user, PASSWORDS[:2])


# Codes of an email change


def same_browser(browser):
    """Return another client with the same cookies, as a second tab has them."""
    other = Client(raise_request_exception=False)
    other.cookies = copy.deepcopy(browser.cookies)
    return other


def test_a_code_of_an_email_change_sent_six_times_at_once_counts_once(user, deliver):
    browser = Client()
    sign_in(browser, user)
    browser.post("/accounts/email/", {"action_add": "", "email": "new@example.com"})
    code = code_in(deliver()[-1])

    def send(_):
        return same_browser(browser).post("/accounts/confirm-email/", {"code": code}).status_code

    answers = at_once(6, send)

    assert not {status for status in answers if status >= 500}
    assert (events("email.changed"), events("email.verified")) == (1, 1)
    assert User.objects.get(pk=user.pk).email == "new@example.com"


# Proofs


def test_a_code_of_a_proof_sent_six_times_at_once_counts_once(user, deliver):
    browser = Client()
    sign_in(browser, user)
    browser.post("/accounts/reauthenticate/code/", {"recipient": user.email})
    code = code_in(deliver()[-1])

    def send(_):
        path = "/accounts/reauthenticate/code/confirm/"
        return same_browser(browser).post(path, {"code": code}).status_code

    answers = at_once(6, send)

    assert not {status for status in answers if status >= 500}
    assert events("session.proved") == 1


@pytest.mark.parametrize("standin", ["google", "kakao"], indirect=True)
def test_of_four_proofs_at_once_by_one_state_one_counts(standin, visitor, walk):
    walk(standin)
    there = visitor.post(f"/accounts/reauthenticate/by/{standin.name}/", {"next": "/accounts/"})
    back = standin.consent(there["Location"])

    answers = at_once(4, lambda _: same_browser(visitor).get(back).status_code)

    assert answers == [302] * 4
    assert events("session.proved") == 1


def test_of_four_ways_back_from_a_disconnection_one_tells_google(google, visitor, connect):
    connect(google)
    account = SocialAccount.objects.get()
    there = visitor.post("/accounts/3rdparty/", {"account": account.pk})
    back = google.silently(there["Location"])

    answers = at_once(4, lambda _: same_browser(visitor).get(back).status_code)

    assert answers == [302] * 4
    assert Job.objects.filter(kind="unlink").count() == 1
