"""A browser has several tabs: what they ask while one of them renews the session."""

import threading

import pytest
from allauth.account.models import EmailAddress
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone

from accounts.people.models import User
from accounts.signins.models import AuthSession
from accounts.store import engine
from tests.kit.clients import CHROME, bearer, is_signed_in, sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.mails import code_in
from tests.kit.outage import without_redis
from tests.kit.waiting import Asking, is_somebody_waiting, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "some other unrelated words"
PATHS = ("/accounts/sessions/", "/api/me/", "/accounts/profile/")


class Tabs:
    """Threads that ask with one browser's cookies, and take over the cookies of each answer."""

    def __init__(self, browser, paths=PATHS):
        self.browser, self.is_over = browser, False
        self.statuses = set()
        self.asking = [Asking(lambda path=path: self.ask(path)) for path in paths]

    def ask(self, path):
        while not self.is_over:
            tab = Client(raise_request_exception=False, headers={"user-agent": CHROME})
            tab.cookies.load({name: one.value for name, one in self.browser.cookies.items()})
            answer = tab.get(path)
            self.statuses.add(answer.status_code)
            # As a browser does: a later answer replaces the cookie, or deletes it.
            self.browser.cookies.update(answer.cookies)
        connections.close_all()

    def close(self):
        self.is_over = True
        for one in self.asking:
            assert one.result() is None


@pytest.fixture
def visitor(user):
    browser = Client(raise_request_exception=False, headers={"user-agent": CHROME})
    sign_in(browser, user)
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return browser


@pytest.fixture
def other(user):
    browser = Client()
    sign_in(browser, user)
    return browser


@pytest.fixture
def open_tabs(visitor):
    tabs = Tabs(visitor)
    yield tabs
    tabs.is_over = True


def change(browser, old, new):
    return browser.post("/accounts/password/change/", {"oldpassword": old, "password1": new})


def assert_only(browser, user, *others):
    """This browser is signed in, the others are out, and the list has one line."""
    assert is_signed_in(browser)
    assert not any(is_signed_in(one) for one in others)
    (row,) = AuthSession.objects.filter(user=user, revoked_at=None)
    assert browser.session[engine.SID] == str(row.pk)


@pytest.mark.slow
def test_changing_the_password_leaves_this_browser_signed_in(user, visitor, other, open_tabs):
    for number in range(4):
        answer = change(
            visitor, PASSWORD if number == 0 else f"{NEW} {number}", f"{NEW} {number + 1}"
        )
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/")

    open_tabs.close()
    assert_only(visitor, user, other)
    assert open_tabs.statuses <= {200, 302, 401}


def test_setting_a_password_leaves_this_browser_signed_in(user, visitor, other):
    User.objects.filter(pk=user.pk).update(password="!")
    user.refresh_from_db()
    for browser in (visitor, other):
        session = browser.session
        session["_auth_user_hash"] = user.get_session_auth_hash()
        session["account_authentication_methods"] = [
            {"method": "code", "at": timezone.now().timestamp(), "reauthenticated": True}
        ]
        session.save()
    tabs = Tabs(visitor)

    answer = visitor.post("/accounts/password/set/", {"password1": NEW})

    tabs.close()
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/")
    assert_only(visitor, user, other)


@pytest.mark.slow
def test_stepping_up_leaves_this_browser_signed_in(user, visitor, open_tabs):
    for _ in range(3):
        assert visitor.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302

    open_tabs.close()
    assert_only(visitor, user)


@pytest.mark.slow
def test_changing_the_email_leaves_this_browser_signed_in(user, visitor, open_tabs, deliver):
    visitor.post("/accounts/email/", {"action_add": "", "email": "new@example.com"})
    visitor.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})

    open_tabs.close()
    assert EmailAddress.objects.get().email == "new@example.com"
    assert_only(visitor, user)


def test_a_change_by_bearer_leaves_the_app_and_its_calls_signed_in(pair, app):
    me = {"authorization": f"Bearer {pair['access']}"}
    over, statuses = threading.Event(), set()

    def ask():
        while not over.is_set():
            statuses.add(app("GET", "auth/session", **me).status_code)
        connections.close_all()

    asking = [Asking(ask) for _ in range(3)]
    body = {"current_password": PASSWORD, "new_password": NEW}
    changed = app("POST", "account/password/change", body, **me)
    over.set()

    assert [one.result() for one in asking] == [None] * 3
    assert changed.status_code == 200
    assert statuses == {200}
    assert Client().get("/api/me/", headers=bearer(pair["access"])).status_code == 200


# The same, one step at a time


def test_a_tab_that_meets_a_new_password_deletes_no_session(user, visitor):
    """It has read the session before, and reads the user afterwards."""
    cookie = visitor.cookies["session"].value
    session = engine.SessionStore(cookie)
    user.set_password(NEW)
    user.save()

    answer = visitor.get("/accounts/sessions/")

    assert answer.status_code == 302
    assert "session" not in answer.cookies
    assert engine.SessionStore(cookie).load() == session.load()


def test_signing_in_again_in_such_a_browser_leaves_no_second_line(user, visitor):
    user.set_password(NEW)
    user.save()
    assert not is_signed_in(visitor)

    sign_in(visitor, user, NEW)

    assert_only(visitor, user)


def test_a_redis_failure_undoes_the_password_change(user, visitor, other, settings):
    before = User.objects.get().password
    saving = engine.SessionStore.save

    def fail(self, *args, **kwargs):
        with without_redis(settings):
            return saving(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.SessionStore, "save", fail)
        answer = change(visitor, PASSWORD, NEW)

    assert answer.status_code == 503
    assert User.objects.get().password == before
    assert is_signed_in(visitor)
    assert is_signed_in(other)


def test_a_password_change_waits_for_a_sign_in_under_way(user, visitor):
    """Both lock the user, so the new sign-in is ended, or refused."""
    late = Client()
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        asking = Asking(lambda: change(visitor, PASSWORD, NEW).status_code)
        wait_until(is_somebody_waiting)
        if connection.vendor == "postgresql":
            joining = Asking(lambda: sign_in(late, user).status_code)
    assert asking.result() == 302
    if connection.vendor == "postgresql":
        joining.result()

    assert_only(visitor, user, late)


def test_a_demotion_ends_this_browser_for_all_tabs(visitor, user, open_tabs):
    stored = User.objects.get(pk=user.pk)
    stored.is_staff = True
    stored.save()

    open_tabs.close()
    assert not is_signed_in(visitor)
    assert not AuthSession.objects.filter(user=user, revoked_at=None).exists()


@pytest.mark.slow
def test_somebody_elses_tabs_are_not_touched(user, visitor, open_tabs):
    stranger, browser = UserFactory(), Client()
    sign_in(browser, stranger)

    change(visitor, PASSWORD, NEW)

    open_tabs.close()
    assert is_signed_in(browser)
