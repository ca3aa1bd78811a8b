"""A form that is sent twice acts once, and the second answer is the first one's."""

import re
import threading

import pytest
from django.db import connections
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.pages import once
from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import CHROME, is_signed_in
from tests.kit.factories import PASSWORD
from tests.kit.mails import code_in
from tests.kit.outage import without_redis

NEW = {"email": "new@example.com", "password1": "a long new password"}
LOGIN, SIGNUP = "/accounts/login/", "/accounts/signup/"


@pytest.fixture
def browser():
    return Client(enforce_csrf_checks=True, headers={"user-agent": CHROME})


def shown(browser, path):
    """Open a page; return the CSRF token of its form, which is masked anew each time."""
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(path).text)[1]


def copy_of(browser):
    """A second request of the same browser, before it has seen an answer."""
    other = Client(enforce_csrf_checks=True, headers={"user-agent": CHROME})
    for name, morsel in browser.cookies.items():
        other.cookies[name] = morsel.value
    return other


def send_twice(browser, path, fields):
    form = fields | {"csrfmiddlewaretoken": shown(browser, path)}
    second = copy_of(browser)
    return browser.post(path, form), second.post(path, form), second


def test_a_sign_in_that_is_sent_twice_opens_one_sign_in(browser, user):
    credentials = {"login": user.email, "password": PASSWORD}

    first, again, second = send_twice(browser, LOGIN, credentials)

    assert (first.status_code, again.status_code) == (302, 302)
    assert first["Location"] == again["Location"]
    assert AuthSession.objects.count() == 1
    assert is_signed_in(second)
    assert second.cookies["session"].value == browser.cookies["session"].value


def test_a_sign_up_that_is_sent_twice_mails_one_code_that_works(browser, db, deliver):
    first, again, second = send_twice(browser, SIGNUP, NEW)

    assert first["Location"] == again["Location"] == "/accounts/confirm-email/"
    (mail,) = deliver()
    token = shown(second, "/accounts/confirm-email/")
    second.post("/accounts/confirm-email/", {"code": code_in(mail), "csrfmiddlewaretoken": token})
    assert is_signed_in(second)


def test_a_wrong_password_that_is_sent_twice_counts_once(browser, user):
    first, again, _ = send_twice(browser, LOGIN, {"login": user.email, "password": "wrong"})

    assert first.content == again.content
    assert AuditEvent.objects.filter(type="login.failed").count() == 1


def test_a_form_that_is_shown_again_acts_again(browser, user):
    for _ in range(2):
        token = shown(browser, LOGIN)
        browser.post(
            LOGIN, {"login": user.email, "password": "wrong", "csrfmiddlewaretoken": token}
        )

    assert AuditEvent.objects.filter(type="login.failed").count() == 2


def test_another_browser_with_the_same_form_acts_by_itself(browser, user):
    form = {
        "login": user.email,
        "password": PASSWORD,
        "csrfmiddlewaretoken": shown(browser, LOGIN),
    }
    browser.post(LOGIN, form)

    stranger = Client(enforce_csrf_checks=True).post(LOGIN, form)

    assert stranger.status_code == 403
    assert "session" not in stranger.cookies


def test_a_failure_of_ours_is_not_kept(browser, user, monkeypatch):
    form = {
        "login": user.email,
        "password": PASSWORD,
        "csrfmiddlewaretoken": shown(browser, LOGIN),
    }
    browser.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr(User, "check_password", lambda *args: 1 / 0)
        assert browser.post(LOGIN, form).status_code == 500

    assert browser.post(LOGIN, form).status_code == 302


def test_redis_keeps_no_cookie_and_no_password(browser, user, raw_values):
    send_twice(browser, LOGIN, {"login": user.email, "password": PASSWORD})

    stored = raw_values()
    assert stored
    assert browser.cookies["session"].value.encode() not in stored
    assert PASSWORD.encode() not in stored


@pytest.fixture
def raw_values():
    from django_redis import get_redis_connection  # noqa: PLC0415 - beside its only use

    def run():
        redis = get_redis_connection("default")
        return b"".join(name + (redis.get(name) or b"") for name in redis.scan_iter("once:*"))

    return run


def test_without_redis_the_form_answers_for_itself(browser, user, settings):
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.2
    form = {
        "login": user.email,
        "password": PASSWORD,
        "csrfmiddlewaretoken": shown(browser, LOGIN),
    }

    with without_redis(settings):
        assert browser.post(LOGIN, form).status_code == 503


def at_once(count, work):
    start, results = threading.Barrier(count), []

    def run():
        start.wait()
        try:
            results.append(work())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == count
    return results


@pytest.mark.django_db(transaction=True)
def test_three_equal_sign_ups_at_once_lead_to_one_code_page(browser, deliver):
    form = NEW | {"csrfmiddlewaretoken": shown(browser, SIGNUP)}

    def send():
        one = copy_of(browser)
        answer = one.post(SIGNUP, form)
        return answer.status_code, answer.get("Location"), one.cookies["session"].value

    answers = at_once(3, send)

    assert set(answers) == {(302, "/accounts/confirm-email/", answers[0][2])}
    assert len(deliver()) == 1
    assert User.objects.count() == 1


def test_a_form_whose_server_died_acts_again(browser, user, monkeypatch):
    """nginx sends it to the next server, which waits a short time for an answer."""
    form = {"login": user.email, "password": PASSWORD, "csrfmiddlewaretoken": shown(browser, LOGIN)}
    monkeypatch.setattr(once, "WAIT_SECONDS", 0.2)
    with monkeypatch.context() as patch:
        patch.setattr(once, "_finish", lambda *args: None)  # it never says that it is done
        again = copy_of(browser)
        browser.post(LOGIN, form)

    assert again.post(LOGIN, form).status_code == 302


def test_so_many_wait_and_further_ones_act(browser, user, monkeypatch):
    form = {"login": user.email, "password": PASSWORD, "csrfmiddlewaretoken": shown(browser, LOGIN)}
    monkeypatch.setattr(once, "_waiters", threading.BoundedSemaphore(1))
    once._waiters.acquire()
    with monkeypatch.context() as patch:
        patch.setattr(once, "_finish", lambda *args: None)  # the first one is still running
        again = copy_of(browser)
        browser.post(LOGIN, form)

    assert again.post(LOGIN, form).status_code == 302
