"""Remember users between requests: it saves a statement, lets no ended sign-in pass, and every change
counts within five seconds.
"""

import json
import threading
from types import SimpleNamespace

import pytest
from django.contrib import auth
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.bell import bell
from accounts.pages import remembered_users
from accounts.pages.remembered_users import MAX_AGE_SECONDS, RememberedUsers, remembered
from accounts.people.models import User
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from tests.kit.clients import bearer
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.outage import without_redis

ME = "/api/me/"


@pytest.fixture
def clock(monkeypatch):
    """Replace the clock of the remembered users. Set `clock.now` to move it."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(remembered_users, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def known(signed_in, feed, clock):
    """Return a browser whose user this process remembers."""
    assert signed_in.get(ME).status_code == 200
    assert len(remembered._known) == 1
    return signed_in


def statements(browser, path=ME, method="GET", **extra):
    """Return the number of reads from the users' table during one request."""
    with CaptureQueriesContext(connection) as sql:
        response = browser.generic(method, path, **extra)
    assert response.status_code < 400, response.content
    return len([query for query in sql if "FROM accounts_user " in query["sql"]])


def is_refused(browser, path=ME):
    return browser.get(path).status_code == 401


# Saved statements


def test_the_second_get_call_reads_no_user(signed_in, feed):
    first = signed_in.get(ME)

    with CaptureQueriesContext(connection) as sql:
        second = signed_in.get(ME)

    assert first.status_code == 200
    assert second.json() == first.json()
    assert [query["sql"] for query in sql] == []


@pytest.mark.parametrize("path", [ME, "/api/verify"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_safe_calls_use_the_remembered_user(known, path, method):
    assert statements(known, path, method) == 0


@pytest.mark.parametrize(
    "path", ["/accounts/", "/accounts/profile/", "/admin/", "/_allauth/browser/v1/auth/session"]
)
def test_pages_read_the_row(browser, feed, path):
    administrator = UserFactory(admin=True)
    browser.post("/accounts/login/", {"login": administrator.email, "password": PASSWORD})
    assert browser.get(ME).status_code == 200
    assert len(remembered._known) == 1

    assert statements(browser, path) == 1


def test_a_call_that_changes_something_reads_the_row(known):
    assert statements(known, method="PATCH", data="{}", content_type="application/json") == 1


def test_a_bearer_token_reads_the_row(known, client, obtain, user):
    access = obtain(user)["access"]

    with CaptureQueriesContext(connection) as sql:
        client.get(ME, headers=bearer(access))

    assert len(sql) == 1


def test_remembered_users_expire_by_the_monotonic_clock(known, clock, time_machine):
    session = dict(known.session.items())
    time_machine.move_to("2016-01-01")
    clock.now += MAX_AGE_SECONDS - 0.1
    assert remembered.find(session) is not None

    clock.now += 0.2

    assert remembered.find(session) is None


def test_the_number_of_remembered_users_is_limited(settings, monkeypatch, feed, clock):
    monkeypatch.setattr(remembered_users, "CAPACITY", 3)
    users = UserFactory.create_batch(5)
    for user in users:
        remembered.add({"_auth_user_id": str(user.pk)}, user, changes=remembered.changes)

    assert list(remembered._known) == [str(user.pk) for user in users[2:]]


def test_expired_users_are_dropped_first(feed, clock):
    old, new = UserFactory.create_batch(2)
    remembered.add({}, old, changes=remembered.changes)
    clock.now += MAX_AGE_SECONDS + 1

    remembered.add({}, new, changes=remembered.changes)

    assert list(remembered._known) == [str(new.pk)]


def test_a_zero_lifetime_reads_every_user(signed_in, feed, monkeypatch):
    monkeypatch.setattr(remembered_users, "MAX_AGE_SECONDS", -1.0)

    assert [statements(signed_in), statements(signed_in)] == [1, 1]


def test_each_request_gets_its_own_copy_of_the_user(known):
    one, other = remembered.find(known.session), remembered.find(known.session)

    one.email = "changed@example.com"

    assert one is not other
    assert other.email != one.email
    assert remembered.find(known.session).email == other.email


def test_the_password_is_not_remembered(known, user):
    found = remembered.find(known.session)

    assert user.password not in repr(remembered._known)
    assert found.get_deferred_fields() == {"password", "last_login"}
    assert found.check_password(PASSWORD)


# Ended sign-ins and disabled users


def end_sign_in(user):
    sessions.revoke(AuthSession.objects.get(), reason=sessions.Reason.ADMIN)


def disable(user):
    user.is_active = False
    user.save()


def give_rights(user):
    user.is_staff = True
    user.save()


def change_password(user):
    user.set_password("another correct horse")
    user.save()


def delete(user):
    user.delete()


WAYS = [end_sign_in, disable, give_rights, change_password, delete]


@pytest.mark.parametrize("end", WAYS, ids=lambda way: way.__name__)
@pytest.mark.django_db(transaction=True)
def test_an_ended_user_is_refused_at_once(known, user, end):
    user.refresh_from_db()

    end(user)

    assert is_refused(known)
    assert remembered.find(known.session) is None


@pytest.mark.parametrize(
    "end", [end_sign_in, disable, give_rights, delete], ids=lambda way: way.__name__
)
@pytest.mark.django_db(transaction=True)
def test_the_ended_sign_in_alone_is_enough(known, user, monkeypatch, end):
    """Another process, which learned of the ended sign-in but not of the changed user."""
    monkeypatch.setattr(RememberedUsers, "forget", lambda self, user_id: None)
    user.refresh_from_db()

    end(user)

    assert is_refused(known)


QUIETLY = {
    "disabled": lambda users: users.update(is_active=False),
    "rights given": lambda users: users.update(is_staff=True),
    "password changed": lambda users: users.update(password="x"),
    "deleted": lambda users: AuthSession.objects.update(user=None) and users._raw_delete("default"),
}


@pytest.mark.parametrize("change", QUIETLY.values(), ids=QUIETLY)
def test_a_change_without_a_signal_counts_after_five_seconds(known, clock, change):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM account_emailaddress")
        cursor.execute("UPDATE accounts_auditevent SET user_id = NULL")
    change(User.objects.all())
    assert not is_refused(known)  # or the next lines would prove nothing

    clock.now += MAX_AGE_SECONDS + 0.1

    assert is_refused(known)


def test_a_session_with_another_hash_or_backend_is_checked_again(known, user):
    """A user has two sessions: the check of one must not count for the other."""
    for name, value in [(auth.HASH_SESSION_KEY, "x" * 64), (auth.BACKEND_SESSION_KEY, "x.y.Z")]:
        session = dict(known.session.items())
        assert remembered.find(session) is not None

        assert remembered.find(session | {name: value}) is None
        assert remembered.find(session | {name: []}) is None


def test_a_sign_in_newer_than_a_change_of_rights_stays(known, user, browser):
    """The new sign-in is newer than the remembered user."""
    User.objects.update(is_staff=True)
    known.post("/accounts/logout/")
    known.post("/accounts/login/", {"login": user.email, "password": PASSWORD})

    assert known.get(ME).status_code == 200
    assert known.get("/api/verify")["X-Auth-Scope"] == "admin"


def test_an_outage_is_an_error_for_remembered_users_too(known, settings):
    known.raise_request_exception = False
    with without_redis(settings):
        response = known.get(ME)

    assert response.status_code == 503
    assert response.json()["code"] == "store_unavailable"


def test_remembered_users_are_refused_while_revocations_are_unknown(known, feed):
    feed._heard_at -= 3600
    known.raise_request_exception = False

    assert known.get(ME).status_code == 503


# Changes


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("surface", ["api", "page", "shell"])
def test_a_change_is_seen_by_the_next_call(known, user, surface):
    if surface == "api":
        known.patch(ME, '{"display_name": "Hana"}', content_type="application/json")
    elif surface == "page":
        known.post("/accounts/profile/", {"display_name": "Hana", "locale": ""})
    else:
        User.objects.get().save()  # changes nothing, so it publishes nothing
        user.display_name = "Hana"
        user.save()

    assert known.get(ME).json()["display_name"] == "Hana"


@pytest.mark.django_db(transaction=True)
def test_a_row_read_before_the_commit_is_forgotten_after_it(known, user):
    with transaction.atomic():
        user.display_name = "Hana"
        user.save()
        # Another thread, which can't see the change before the commit.
        old = User(pk=user.pk, email=user.email)
        remembered.add(known.session, old, changes=remembered.changes)

    assert known.get(ME).json()["display_name"] == "Hana"


def test_a_row_read_before_a_change_is_not_remembered_after_it(known, user, clock, monkeypatch):
    """The read begins before the change and ends after it."""
    real = auth.get_user

    def slow(request):
        read = real(request)
        User.objects.filter(pk=user.pk).update(display_name="Hana")
        bell._note({"type": "message", "data": '{"topic": "users", "ids": ["%s"]}' % user.pk})
        return read

    clock.now += MAX_AGE_SECONDS + 1
    with monkeypatch.context() as patch:
        patch.setattr(auth, "get_user", slow)
        assert known.get(ME).json()["display_name"] == ""

    assert known.get(ME).json()["display_name"] == "Hana"


@pytest.mark.parametrize(
    "users", ['["%s"]', '["%s", "%s"]', '["00000000-0000-4000-8000-000000000000", "%s"]']
)
def test_the_bell_names_the_users_to_forget(known, user, users):
    message = '{"topic": "users", "ids": %s}' % users.replace("%s", str(user.pk))

    bell._note({"type": "message", "data": message})

    assert remembered.find(known.session) is None


@pytest.mark.parametrize("ids", [[], ["%s"]], ids=["no ids", "another topic"])
def test_a_bell_without_known_ids_forgets_nobody(known, user, ids):
    topic = "sessions" if ids else "users"
    named = [each % user.pk for each in ids]

    bell._note({"type": "message", "data": json.dumps({"topic": topic, "ids": named})})

    assert remembered.find(known.session) is not None


def test_threads_do_not_disturb_each_other(user, clock, monkeypatch):
    monkeypatch.setattr(remembered_users, "CAPACITY", 2)
    mine, failures = RememberedUsers(), []
    users = [User(email=f"{number}@example.com") for number in range(4)]

    def work(number):
        session = {"_auth_user_id": str(users[number].pk)}
        try:
            for _ in range(1000):
                mine.add(session, users[number], changes=mine.changes)
                found = mine.find(session)
                assert found is None or found == users[number]
                mine.forget(users[(number + 1) % 4].pk)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    assert len(mine._known) <= 2
