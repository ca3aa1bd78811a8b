"""End a sign-in by its own act: the row and its event, once, by one statement or by a transaction."""

import os
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from accounts import libpq
from accounts.audit import chain, trail
from accounts.audit.models import AuditEvent
from accounts.bell import Topic, bell
from accounts.client_info import ClientInfo
from accounts.outbox.models import Job
from accounts.people.models import User
from accounts.signins import sessions, sign_outs
from accounts.signins.models import AuthSession, TrustedBrowser
from accounts.webhooks import endpoints
from accounts.webhooks.models import WebhookDelivery
from tests.kit.chains import fault
from tests.kit.clients import bearer
from tests.kit.factories import AuthSessionFactory, UserFactory
from tests.kit.racing import at_once
from tests.kit.webhooks import endpoint

CLIENT = ClientInfo("2001:db8::7", "문지기 'x' \"y\" %s %(sid)s $1 \\ \u2028 é")
IS_POSTGRES = connection.vendor == "postgresql"

on_postgres = pytest.mark.skipif(
    not IS_POSTGRES or os.environ.get("TEST_DATABASE") == "pgbouncer",
    reason="of PostgreSQL without a pooler",
)
committing = pytest.mark.django_db(transaction=True)


def sign_out(session, **options):
    return sessions.sign_out(session.pk, client=CLIENT, **options)


def revoke(session):
    return sessions.revoke(session, reason=sessions.Reason.LOGOUT, client=CLIENT)


def in_transaction(session):
    return sign_outs._in_transaction(session.pk, client=CLIENT, user=None) is not None


def columns_of(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def left_by(act, **columns):
    """Let a new sign-in end by this act. Returns the columns of its row and of its event."""
    session = AuthSessionFactory(user=UserFactory(email="kim@example.com"), **columns)
    with bound_contextvars(request_id="abcdefgh-1"):
        assert act(session)
    rows = [
        columns_of(AuthSession.objects.get(pk=session.pk)),
        columns_of(AuditEvent.objects.get(type="session.revoked", sid=session.pk)),
    ]
    User.objects.filter(pk=session.user_id).delete()
    now = timezone.now()
    for row in rows:
        for name, value in row.items():
            if name in {"id", "sid", "user_id"}:
                row[name] = {session.pk: "<sid>", session.user_id: "<user>"}.get(value, "<own>")
            elif hasattr(value, "tzinfo"):
                assert value.tzinfo is not None
                row[name] = round((value - now).total_seconds() / 60)
    return rows


@pytest.fixture
def told(monkeypatch):
    """The messages of the bell, and the sessions that were deleted."""
    heard = []
    monkeypatch.setattr(bell, "publish", lambda topic, ids: heard.append((topic, *ids)))
    monkeypatch.setattr(sessions.index, "drop", lambda *sids: heard.append(("drop", *sids)))
    return heard


def lose_connection():
    """End this thread's connection from outside."""
    other = connection.copy()
    with other.cursor() as cursor:
        pid = connection.connection.info.backend_pid
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
    other.close()


# The rows


@pytest.mark.django_db
@pytest.mark.parametrize("act", [sign_out, in_transaction], ids=["usual", "transaction"])
@pytest.mark.parametrize("kind", ["browser", "token"])
def test_the_rows_are_those_of_the_plain_way(act, kind):
    columns = {"token": True, "refresh_jti": "f" * 32} if kind == "token" else {}

    assert left_by(act, **columns) == left_by(revoke, **columns)


@committing
def test_the_event_is_the_same_on_both_databases():
    _, event = left_by(sign_out)

    assert event == {
        "id": "<own>",
        "created_at": 0,
        "type": "session.revoked",
        "user_id": "<user>",
        "identifier": "kim@example.com",
        "sid": "<sid>",
        "ip": CLIENT.ip,
        "user_agent": CLIENT.user_agent,
        "reason": "logout",
        "note": "",
        "amr": [],
        "request_id": "abcdefgh-1",
        "actor_id": None,
        "seq": None,
        "sealed_at": None,
        "hash": "",
        "personal": {},
    }


@committing
def test_the_rows_of_a_statement_of_its_own_are_the_same():
    """Outside a transaction, libpq sends the statement in another way."""
    assert left_by(sign_out) == left_by(revoke)


@committing
@on_postgres
def test_without_prepared_statements_the_rows_are_the_same(monkeypatch):
    connection.ensure_connection()
    monkeypatch.setattr(connection.connection, "prepare_threshold", None)

    assert left_by(sign_out) == left_by(revoke)


@committing
def test_a_caller_without_an_address_leaves_none():
    session = AuthSessionFactory()

    assert sessions.sign_out(session.pk, client=ClientInfo())

    event = AuditEvent.objects.get(type="session.revoked")
    assert (event.ip, event.user_agent) == (None, "")


@committing
def test_a_sign_in_whose_user_is_gone_ends_with_an_event(told):
    session = AuthSessionFactory()
    AuthSession.objects.filter(pk=session.pk).update(user=None)

    assert sign_out(session)

    event = AuditEvent.objects.get(type="session.revoked")
    assert (event.user_id, event.identifier, event.sid) == (None, "", session.pk)
    assert told == [(Topic.SESSIONS, session.pk), ("drop", session.pk)]


@committing
def test_the_chain_seals_and_verifies_the_event():
    for session in AuthSessionFactory.create_batch(3):
        sign_out(session)

    chain.seal()

    assert AuditEvent.objects.filter(type="session.revoked", seq__isnull=False).count() == 3
    assert fault() == ""


# Who ends what


@committing
def test_a_sign_out_ends_one_sign_in(told):
    session, other = AuthSessionFactory(), AuthSessionFactory()

    assert sign_out(session) is True

    ended = AuthSession.objects.get(pk=session.pk)
    assert ended.revoked_reason == "logout"
    assert abs(ended.revoked_at - timezone.now()) < timedelta(minutes=1)
    assert list(AuthSession.objects.active()) == [other]
    assert told == [(Topic.SESSIONS, session.pk), ("drop", session.pk)]


@committing
def test_a_second_sign_out_leaves_no_record_and_tells_nobody(told):
    session = AuthSessionFactory()
    sign_out(session)
    told.clear()

    assert sign_out(session) is False

    assert AuditEvent.objects.filter(type="session.revoked").count() == 1
    assert told == []


@committing
def test_an_end_by_an_operator_keeps_its_reason():
    session = AuthSessionFactory()
    sessions.revoke(session, reason=sessions.Reason.ADMIN)

    assert sign_out(session) is False

    assert AuthSession.objects.get().revoked_reason == "admin"


@committing
@pytest.mark.parametrize("sid", [uuid4(), "service"], ids=["unknown", "service"])
def test_no_sign_in_and_an_api_key_end_nothing(sid, told):
    later = timezone.now() + timedelta(days=1)
    key = sessions.open_for_key(uuid4(), expires_at=later)

    assert not sessions.sign_out(key.pk if sid == "service" else sid, client=CLIENT)

    assert AuthSession.objects.get().is_active
    assert not AuditEvent.objects.filter(type="session.revoked").exists()
    assert told == []


@committing
@pytest.mark.parametrize("left", [timedelta(days=1), timedelta(seconds=-1)])
def test_a_user_ends_only_an_active_sign_in_of_its_own(left):
    session = AuthSessionFactory(expires_at=timezone.now() + left)

    assert sign_out(session, user=UserFactory()) is False
    assert sign_out(session, user=session.user) is (left > timedelta())


@committing
def test_a_sign_out_leaves_a_trusted_browser_trusted():
    session = AuthSessionFactory()
    TrustedBrowser.objects.create(user=session.user, sid=session.pk)

    sign_out(session)

    assert TrustedBrowser.objects.count() == 1


@committing
def test_of_twenty_at_once_one_ends_the_sign_in(told):
    session = AuthSessionFactory()

    outcomes = at_once(20, lambda _: sign_out(session))

    assert sorted(outcomes) == [False] * 19 + [True]
    assert AuditEvent.objects.filter(type="session.revoked").count() == 1
    assert len(told) == 2


# Those who follow the audit log


@committing
def test_an_endpoint_gets_the_event_in_the_same_transaction(told):
    row, _ = endpoint()
    session = AuthSessionFactory()

    assert sign_out(session)

    delivery = WebhookDelivery.objects.get()
    event = AuditEvent.objects.get(type="session.revoked")
    assert (delivery.endpoint, delivery.type, delivery.cause) == (
        row,
        "session.revoked",
        event.type,
    )
    assert (delivery.user_id, delivery.sid) == (session.user_id, session.pk)
    assert (delivery.reason, delivery.occurred_at) == ("logout", event.created_at)
    assert Job.objects.get().kind == "webhook"
    assert told == [(Topic.SESSIONS, session.pk), ("drop", session.pk)]


@committing
@pytest.mark.parametrize("why", ["another event", "stopped"])
def test_an_endpoint_that_wants_no_such_event_gets_none(why):
    row, _ = endpoint(events=["user.created"] if why == "another event" else ["session.revoked"])
    if why == "stopped":
        endpoints.stop(row, reason="by_operator")

    assert sign_out(AuthSessionFactory())

    assert not WebhookDelivery.objects.exists()
    assert AuditEvent.objects.filter(type="session.revoked").count() == 1


@committing
def test_a_subscriber_that_fails_undoes_the_sign_out(monkeypatch, told):
    def fail(events, user_id):
        raise RuntimeError

    monkeypatch.setattr(trail, "_subscriptions", [*trail._subscriptions])
    trail.subscribe(fail)
    session = AuthSessionFactory()

    with pytest.raises(RuntimeError):
        sign_out(session)

    assert AuthSession.objects.get().is_active
    assert not AuditEvent.objects.filter(type="session.revoked").exists()
    assert told == []


@committing
def test_a_subscriber_hears_of_it_before_the_commit(monkeypatch):
    heard = []
    monkeypatch.setattr(trail, "_subscriptions", [])
    trail.subscribe(
        lambda events, user_id: heard.append(
            (connection.in_atomic_block, events[0].type, events[0].user_id, user_id)
        )
    )
    session = AuthSessionFactory()

    sign_out(session)

    assert heard == [(True, "session.revoked", session.user_id, session.user_id)]


@committing
def test_a_listener_hears_of_it_once_after_the_commit(monkeypatch):
    heard = []
    monkeypatch.setattr(trail, "_listeners", [])
    trail.listen(
        lambda events: heard.extend(
            (connection.in_atomic_block, each.type, each.reason, each.user_id, each.identifier)
            for each in events
        )
    )
    session = AuthSessionFactory()

    sign_out(session)
    sign_out(session)

    owner = session.user
    assert heard == [(False, "session.revoked", "logout", owner.pk, owner.email)]


# A lost connection


@committing
@on_postgres
@pytest.mark.parametrize("has_endpoint", [False, True])
def test_a_connection_lost_before_the_statement_costs_nothing(told, has_endpoint):
    if has_endpoint:
        endpoint()
    first, session = AuthSessionFactory(), AuthSessionFactory()
    sign_out(first)
    told.clear()
    lose_connection()

    assert sign_out(session) is True

    assert AuditEvent.objects.filter(type="session.revoked", sid=session.pk).count() == 1
    assert told == [(Topic.SESSIONS, session.pk), ("drop", session.pk)]


@committing
@on_postgres
def test_an_answer_lost_after_the_commit_is_recorded_once_and_told(told, monkeypatch):
    session = AuthSessionFactory()
    real, runs = libpq.run, []

    def prepared(connection, sql, values):
        runs.append(sql)
        row = real(connection, sql, values)
        if len(runs) == 1:
            assert row is not None
            lose_connection()
            real(connection, "SELECT 1 WHERE %s = 'x'", ["x"])  # raises
        return row

    monkeypatch.setattr(libpq, "run", prepared)

    assert sign_out(session) is True

    assert runs[0] == runs[1]
    assert AuthSession.objects.get().revoked_reason == "logout"
    assert AuditEvent.objects.filter(type="session.revoked").count() == 1
    assert told == [(Topic.SESSIONS, session.pk), ("drop", session.pk)]


@committing
@on_postgres
def test_an_answer_lost_in_a_transaction_is_an_error(told):
    endpoint()
    session = AuthSessionFactory()

    def lose(events, user_id):
        lose_connection()

    before = [*trail._subscriptions]
    trail.subscribe(lose)
    try:
        with pytest.raises(OperationalError):
            sign_out(session)
    finally:
        trail._subscriptions[:] = before
    connection.close()

    assert told == []
    assert not WebhookDelivery.objects.exists()
    assert sign_out(session) is True
    assert AuditEvent.objects.filter(type="session.revoked").count() == 1
    assert WebhookDelivery.objects.count() == Job.objects.count() == 1


# One way


DOORS = {
    "page": lambda browser, app, pair: browser.post("/accounts/logout/"),
    "token": lambda browser, app, pair: browser.post(
        "/api/token/revoke/", {"token": pair["access"]}, "application/json"
    ),
    "devices": lambda browser, app, pair: browser.delete(
        f"/api/sessions/{pair['sid']}/", headers=bearer(pair["access"])
    ),
    "headless": lambda browser, app, pair: app(
        "DELETE", "auth/session", authorization=f"Bearer {pair['access']}"
    ),
}


@pytest.mark.parametrize("door", DOORS)
def test_each_door_signs_out_by_the_same_function(door, signed_in, app, pair, monkeypatch):
    ended, real = [], sign_outs.end

    def end(sid, **options):
        ended.append(sid)
        return real(sid, **options)

    monkeypatch.setattr(sign_outs, "end", end)

    DOORS[door](signed_in, app, pair)

    kind = "browser" if door == "page" else "token"
    row = AuthSession.objects.get(kind=kind)
    assert (ended, row.revoked_reason) == ([row.pk], "logout")
    assert AuthSession.objects.active().count() == 1


# What it costs


def count_of(act):
    with CaptureQueriesContext(connection) as sql:
        act()
    return len(sql)


@committing
@pytest.mark.skipif(not IS_POSTGRES, reason="SQLite needs a transaction")
@pytest.mark.parametrize("has_endpoints", [False, True])
def test_it_is_one_statement_unless_an_endpoint_wants_it(has_endpoints):
    if has_endpoints:
        endpoint(events=["user.created"])
        endpoints.stop(endpoint()[0], reason="by_operator")
    session, other = AuthSessionFactory(), AuthSessionFactory()

    assert count_of(lambda: sign_out(session)) == 1
    assert count_of(lambda: sign_out(other, user=other.user)) == 1
