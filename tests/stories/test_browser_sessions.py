"""Follow a browser's session: when it ends, when its id changes, and how many calls it costs."""

from datetime import timedelta

import pytest
import redis
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_redis import get_redis_connection

from accounts.audit.models import AuditEvent
from accounts.people.models import User
from accounts.signins import revocations, sessions
from accounts.signins.models import AuthSession
from accounts.store import engine, index, named
from tests.kit import stored_sessions
from tests.kit.clients import CHROME, sign_in
from tests.kit.factories import PASSWORD, AuthSessionFactory
from tests.kit.mails import code_in
from tests.kit.proofs import let_proofs_age

PAGE = "/accounts/logout/"  # it reads the session and the user only
DAY = 86400


@pytest.fixture
def store():
    return get_redis_connection("sessions")


CONNECTING = (b"HELLO", b"CLIENT", b"SELECT", b"PING")
"""What redis-py says on its own, when it connects or has been silent for long."""


@pytest.fixture
def asked(monkeypatch):
    """Return a list with one entry for each round trip of this process to Redis."""
    sent = []
    real = redis.connection.AbstractConnection.send_packed_command

    def send(self, command, check_health=True):
        first = b"".join(command).split(b"\r\n", 3)
        if first[2] not in CONNECTING:
            sent.append(command)
        return real(self, command, check_health)

    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", send)
    return sent


@pytest.fixture
def new_browser(user):
    """Sign a new browser in."""

    def run(**fields):
        browser = Client(headers={"user-agent": CHROME})
        assert sign_in(browser, user, **fields).status_code == 302
        return browser

    return run


@pytest.fixture
def remembered(new_browser):
    """Return a browser that signed in with "Stay signed in"."""
    return new_browser(remember="on")


def is_signed_in(browser):
    response = browser.get(PAGE)
    if response.status_code == 302:
        assert response["Location"].startswith(("/accounts/login/", "/"))
        return False
    assert response.status_code == 200
    return True


def pass_time(seconds, *, sliding=True):
    """Move the lifetimes in Redis and the times in each session, as if no request came meanwhile."""
    redis = get_redis_connection("sessions")
    stored_sessions.age(redis, seconds)
    for key in redis.keys("*"):
        if sliding:
            redis.expire(key, redis.ttl(key) - seconds)


def session_ttl(redis):
    (key,) = redis.keys("session:*")
    return redis.ttl(key)


# Time-outs


def test_twelve_hours_without_a_request_sign_out(signed_in):
    pass_time(12 * 3600)

    assert not is_signed_in(signed_in)


def test_stay_signed_in_survives_thirteen_idle_days(remembered):
    pass_time(13 * DAY)

    assert is_signed_in(remembered)


def test_stay_signed_in_ends_after_fourteen_idle_days(remembered):
    pass_time(14 * DAY)

    assert not is_signed_in(remembered)


def test_an_active_user_is_still_signed_in_after_fourteen_days(remembered):
    """Neither the idle time-out nor the cookie's lifetime ends the session."""
    for _ in range(4):
        pass_time(5 * DAY)
        assert is_signed_in(remembered)

    assert remembered.cookies["session"]["max-age"] > 20 * DAY


def test_an_active_sign_in_ends_after_ninety_days(remembered):
    pass_time(90 * DAY, sliding=False)

    assert not is_signed_in(remembered)


def test_the_ninety_days_start_at_the_sign_in(browser, db, deliver):
    browser.post("/accounts/signup/", {"email": "a@example.com", "password1": PASSWORD})
    pass_time(89 * DAY, sliding=False)

    browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[0])})
    pass_time(89 * DAY, sliding=False)

    assert is_signed_in(browser)


def test_a_new_id_does_not_restart_the_ninety_days(remembered):
    pass_time(80 * DAY, sliding=False)
    step_up(remembered)
    pass_time(10 * DAY, sliding=False)

    assert not is_signed_in(remembered)


def test_saving_does_not_restart_the_ninety_days(remembered):
    pass_time(80 * DAY, sliding=False)
    remembered.post("/accounts/profile/", {"display_name": "A", "locale": ""})
    pass_time(10 * DAY, sliding=False)

    assert not is_signed_in(remembered)


def test_a_visitors_session_is_short_and_reads_do_not_extend_it(browser, db, store):
    browser.post("/accounts/signup/", {"email": "a@example.com", "password1": PASSWORD})
    pass_time(1800)

    browser.get("/accounts/login/")

    assert 0 < session_ttl(store) <= 1800


@pytest.mark.parametrize("seconds", [4, 8, 60])
def test_a_short_idle_time_is_extended_before_it_ends(user, new_browser, settings, store, seconds):
    settings.SESSION_SHORT_IDLE_SECONDS = seconds
    browser = new_browser()
    pass_time(seconds // 2)

    assert is_signed_in(browser)

    assert session_ttl(store) > seconds // 2


def test_a_shorter_idle_time_holds_for_open_sessions_too(signed_in, settings, store):
    settings.SESSION_SHORT_IDLE_SECONDS = 600

    signed_in.get(PAGE)

    assert session_ttl(store) <= 600


def test_a_session_without_an_expiry_gets_one(signed_in, store):
    (key,) = store.keys("session:*")
    store.persist(key)

    signed_in.get(PAGE)

    assert 0 < session_ttl(store) <= 12 * 3600


def test_a_touch_extends_the_session_and_its_index(signed_in, store):
    pass_time(3600)

    signed_in.get(PAGE)

    idle = 12 * 3600
    assert {store.ttl(key) > idle - 20 for key in store.keys("s*")} == {True}


def test_a_passive_request_extends_nothing(signed_in, user, store):
    """An open page asks by itself, and nobody need be there."""
    pass_time(3600)
    seen = user.auth_sessions.get().last_seen_at
    left = session_ttl(store)

    assert signed_in.get(PAGE, headers={"X-Passive": "1"}).status_code == 200

    assert session_ttl(store) <= left
    assert user.auth_sessions.get().last_seen_at == seen


def test_a_passive_request_of_an_ended_row_is_signed_out(signed_in, user):
    user.auth_sessions.update(revoked_at=timezone.now(), revoked_reason="admin")
    pass_time(3600)

    answer = signed_in.get("/api/verify", headers={"X-Passive": "1"})

    assert answer.status_code == 401


# The row decides


def test_a_sign_out_without_redis_counts_at_the_next_touch(signed_in, monkeypatch, settings):
    """Redis didn't delete the session, and no process remembers the revocation any more."""
    monkeypatch.setattr(index, "drop", lambda *args, **kwargs: None)
    sessions.revoke(AuthSession.objects.get(), reason=sessions.Reason.ADMIN)
    AuthSession.objects.update(revoked_at=timezone.now() - timedelta(days=1))
    revocations.feed.forget()
    assert is_signed_in(signed_in)  # otherwise the next line proves nothing

    pass_time(5 * 60 + 1)

    assert not is_signed_in(signed_in)


def test_saving_and_new_ids_do_not_delay_the_touch(signed_in):
    AuthSession.objects.update(
        revoked_at=timezone.now() - timedelta(days=1), revoked_reason="admin"
    )
    pass_time(4 * 60)
    signed_in.post("/accounts/profile/", {"display_name": "A", "locale": ""})
    step_up(signed_in)
    assert is_signed_in(signed_in)

    pass_time(61)

    assert not is_signed_in(signed_in)


def test_the_row_is_read_while_processes_remember_revocations(signed_in, settings):
    """With access tokens of a minute, processes forget revocations earlier, so they read the row earlier."""
    settings.ACCESS_TOKEN_LIFETIME = timedelta(seconds=60)
    AuthSession.objects.update(
        revoked_at=timezone.now() - timedelta(days=1), revoked_reason="admin"
    )
    pass_time(61)

    assert not is_signed_in(signed_in)


def test_the_row_notes_a_visit_every_five_minutes_only(signed_in):
    long_ago = timezone.now() - timedelta(days=1)
    AuthSession.objects.update(last_seen_at=long_ago)
    signed_in.get(PAGE)
    assert AuthSession.objects.get().last_seen_at == long_ago
    pass_time(5 * 60 + 1)

    signed_in.get(PAGE)
    seen = AuthSession.objects.get().last_seen_at
    signed_in.get(PAGE)

    assert timezone.now() - seen < timedelta(seconds=20)
    assert AuthSession.objects.get().last_seen_at == seen


def test_a_cookie_gets_a_503_while_revocations_are_unknown(signed_in, feed):
    feed._heard_at -= 3600
    signed_in.raise_request_exception = False

    response = signed_in.get(PAGE)

    assert response.status_code == 503
    assert response["Retry-After"] == "3"
    assert "session" not in response.cookies


def test_a_sign_in_without_a_row_ends_at_the_next_touch(signed_in):
    """A restored backup of the database may lack the row."""
    AuthSession.objects.all().delete()
    pass_time(5 * 60 + 1)

    assert not is_signed_in(signed_in)


# A new id


def step_up(browser):
    """Type the password again, for a page that needs it."""
    response = browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert response.status_code == 302, response.content


def is_dead(cookie):
    thief = Client()
    thief.cookies["session"] = cookie
    return not is_signed_in(thief)


def test_reauthentication_changes_the_session_id(signed_in):
    before = signed_in.cookies["session"].value

    step_up(signed_in)

    assert signed_in.cookies["session"].value != before
    assert is_dead(before)
    assert is_signed_in(signed_in)


def test_a_request_under_the_old_id_keeps_the_new_cookie(signed_in):
    """Two requests at once: the slower one is answered after the new cookie was set."""
    slower = Client()
    slower.cookies["session"] = signed_in.cookies["session"].value
    step_up(signed_in)

    response = slower.get(PAGE)

    assert response.status_code == 302
    assert "session" not in response.cookies


def test_a_failed_reauthentication_keeps_the_session_id(signed_in):
    before = signed_in.cookies["session"].value

    signed_in.post("/accounts/reauthenticate/", {"password": "wrong"})

    assert signed_in.cookies["session"].value == before
    assert is_signed_in(signed_in)


@pytest.mark.parametrize("right", ["is_staff", "is_superuser"])
@pytest.mark.parametrize("given", [True, False], ids=["given", "taken"])
def test_a_change_of_rights_ends_the_sign_in(user, new_browser, right, given):
    """The next request with the cookie must sign in again, from its owner or from a thief."""
    User.objects.update(**{right: not given})
    browser = new_browser()
    before = browser.cookies["session"].value
    User.objects.update(**{right: given})

    response = browser.get(PAGE)

    assert response.status_code == 302
    assert is_dead(before)
    session = AuthSession.objects.get()
    assert session.revoked_reason == "rights_changed"


@pytest.mark.parametrize("right", ["is_staff", "is_superuser"])
def test_saving_rights_ends_every_sign_in(user, new_browser, obtain, right):
    browser = new_browser()
    pair = obtain(user)
    user.refresh_from_db()
    setattr(user, right, True)

    user.save()

    assert not is_signed_in(browser)
    assert set(AuthSession.objects.values_list("revoked_reason", flat=True)) == {"rights_changed"}
    response = browser.get("/api/me/", headers={"authorization": f"Bearer {pair['access']}"})
    assert response.status_code == 401


def test_another_change_of_the_user_ends_nothing(user, signed_in):
    user.refresh_from_db()
    user.display_name = "Other"

    user.save()

    assert is_signed_in(signed_in)


def test_the_id_stays_without_a_reason_to_change(signed_in):
    before = signed_in.cookies["session"].value

    response = signed_in.get(PAGE)

    assert "session" not in response.cookies
    assert signed_in.cookies["session"].value == before


def test_signing_in_again_changes_the_session_id(signed_in, user, rf):
    """Django itself keeps the id of a user who is already signed in."""
    from django.contrib.auth import login  # noqa: PLC0415 - beside its only use

    request = rf.post("/")
    before = signed_in.cookies["session"].value
    request.session = engine.SessionStore(before)
    request.user = user
    login(request, user, backend="allauth.account.auth_backends.AuthenticationBackend")
    request.session.save()

    assert request.session.session_key != before
    assert is_dead(before)
    assert len(get_redis_connection("sessions").keys("sid:*")) == 1
    assert [row.revoked_reason for row in AuthSession.objects.order_by("created_at")] == [
        "logout",
        "",
    ]


@pytest.mark.slow
def test_many_reauthentications_fit_into_the_session(signed_in, settings):
    settings.ACCOUNT_RATE_LIMITS = False
    for _ in range(20):
        step_up(signed_in)

    assert is_signed_in(signed_in)
    records = signed_in.session["account_authentication_methods"]
    assert len(records) == 8


# Ended meanwhile


@pytest.fixture
def ended_meanwhile(monkeypatch):
    """Sign the browser out from another request, after a request has read the session."""

    def run(browser, call):
        from accounts.pages import middleware  # noqa: PLC0415 - beside its only use

        original = middleware._is_on

        def late(request, *args):
            engine.SessionStore(request.session.session_key).delete()
            request.session.modified = True
            return original(request, *args)

        monkeypatch.setattr(middleware, "_is_on", late)
        return call(browser)

    return run


def test_a_page_of_an_ended_session_leads_to_sign_in(signed_in, ended_meanwhile):
    response = ended_meanwhile(
        signed_in,
        lambda browser: browser.post("/accounts/profile/", {"display_name": "A", "locale": ""}),
    )

    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/"
    assert "session" not in response.cookies


def test_a_read_of_an_ended_session_leads_back(signed_in, ended_meanwhile):
    response = ended_meanwhile(signed_in, lambda browser: browser.get("/accounts/sessions/"))

    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/accounts/sessions/"


def test_a_call_of_an_ended_session_is_a_401(signed_in, ended_meanwhile):
    response = ended_meanwhile(signed_in, lambda browser: browser.get("/api/me/"))

    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response.json() == {
        "type": "about:blank",
        "title": "You were signed out",
        "status": 401,
        "detail": "Your sign-in ended while this was under way. Please sign in again.",
        "code": "session_ended",
        "request_id": response.json()["request_id"],
    }
    assert get_redis_connection("sessions").keys("session:*") == []


def test_a_form_too_large_to_wait_for_a_proof_is_dropped(signed_in):
    let_proofs_age()

    response = signed_in.post(
        "/accounts/email/", {"action_add": "x" * 20_000, "email": "a@example.com"}
    )

    assert response["Location"] == "/accounts/reauthenticate/?next=%2Faccounts%2Femail%2F"
    assert is_signed_in(signed_in)


# Costs


def test_a_signed_in_page_costs_one_round_trip_and_one_query(signed_in, feed, asked):
    signed_in.get(PAGE)
    asked.clear()

    with CaptureQueriesContext(connection) as sql:
        response = signed_in.get(PAGE)

    assert response.status_code == 200
    assert len(asked) == 1
    (query,) = sql
    assert " FROM accounts_user WHERE id = " in query["sql"]


def test_a_touch_costs_one_round_trip_and_one_query_more(signed_in, feed, asked):
    pass_time(5 * 60 + 1)
    asked.clear()

    with CaptureQueriesContext(connection) as sql:
        signed_in.get(PAGE)

    assert len(asked) == 2
    assert [query["sql"].split(" ")[0] for query in sql] == ["SELECT", "UPDATE"]


def test_a_save_costs_one_round_trip_more(signed_in, asked):
    asked.clear()

    step_up(signed_in)

    commands = [bytes(c if isinstance(c, bytes) else b"".join(c)) for c in asked]
    assert len([c for c in commands if b"EVAL" in c and b"session:" in c]) == 1
    assert len([c for c in commands if b"session:" in c]) == 2


def test_the_row_is_read_only_on_access(signed_in, feed, django_assert_num_queries):
    request = signed_in.get(PAGE).wsgi_request
    session = request.auth_session

    with django_assert_num_queries(0):
        assert session.pk == session.sid
        assert session.user == request.user
    with django_assert_num_queries(1):
        assert session.device == "Chrome · Windows"
        assert session.is_active
        assert session.amr == ["pwd"]


@pytest.mark.slow
def test_a_thousand_sign_ins_end_in_a_handful_of_statements_and_calls(user, asked, feed):
    rows = AuthSessionFactory.create_batch(1000, user=user)
    for row in rows:
        store = engine.SessionStore()
        store.update({"_auth_user_id": str(user.pk), "sid": str(row.pk)})
        store.create()
    redis = get_redis_connection("sessions")
    assert len(redis.keys("session:*")) == 1000
    kept = rows[500].pk
    asked.clear()

    with CaptureQueriesContext(connection) as sql:
        with_commit = sessions.revoke_all(user, reason=sessions.Reason.ADMIN, keep=kept)

    assert with_commit == 999
    # SQLite takes the audit events in several statements.
    statements = [query["sql"].split(" ")[0] for query in sql]
    inserts = statements.count("INSERT")
    assert inserts == 1 if connections["default"].vendor == "postgresql" else inserts < 25
    assert [name for name in statements if name != "INSERT"] == [
        "SAVEPOINT",
        "SELECT",  # where the account came from
        "DELETE",  # the trust in browsers
        "SELECT",  # the sign-ins
        "UPDATE",
        "SELECT",  # the webhooks
        "DELETE",  # the trust in browsers, given meanwhile
        "RELEASE",
    ]
    assert AuditEvent.objects.filter(type="session.revoked").count() == 999


@pytest.mark.django_db(transaction=True)
def test_many_sessions_leave_redis_in_two_calls(user, asked):
    rows = AuthSessionFactory.create_batch(100, user=user)
    for row in rows:
        store = engine.SessionStore()
        store.update({"_auth_user_id": str(user.pk), "sid": str(row.pk)})
        store.create()
    kept = rows[50].pk
    asked.clear()

    sessions.revoke_all(user, reason=sessions.Reason.ADMIN, keep=kept)

    assert len(asked) == 2  # the bell and the deletion
    redis = get_redis_connection("sessions")
    assert sorted(key.split(b":")[0] for key in redis.keys("*")) == [b"session", b"sid"]
    assert named.lookup(kept) is not None
    assert revocations.is_revoked(rows[0].pk)
    assert not revocations.is_revoked(kept)
