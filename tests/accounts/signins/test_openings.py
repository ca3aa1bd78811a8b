"""Open a sign-in: the user's entry, the row and its event, by one statement or by a transaction."""

import os
from datetime import timedelta

import pytest
from django.db import DatabaseError, OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from structlog.contextvars import bound_contextvars

from accounts import libpq
from accounts.audit import chain, trail
from accounts.audit.models import AuditEvent
from accounts.bell import Topic, bell
from accounts.client_info import ClientInfo
from accounts.errors import InactiveUserError
from accounts.outbox.models import Job
from accounts.people.models import User
from accounts.signins import openings, sessions
from accounts.signins.models import AuthSession
from accounts.store import index
from accounts.webhooks import endpoints
from accounts.webhooks.models import WebhookDelivery
from tests.kit.chains import fault
from tests.kit.factories import UserFactory
from tests.kit.racing import at_once
from tests.kit.webhooks import endpoint

CLIENT = ClientInfo("2001:db8::7", "문지기 'x' \"y\" %s %(sid)s $1 \\ \u2028 é")
IS_POSTGRES = connection.vendor == "postgresql"

on_postgres = pytest.mark.skipif(
    not IS_POSTGRES or os.environ.get("TEST_DATABASE") == "pgbouncer",
    reason="of PostgreSQL without a pooler",
)
committing = pytest.mark.django_db(transaction=True)


def opened(user, kind="token", **options):
    options = {"client": CLIENT, "amr": ["pwd", "otp"]} | options
    return sessions.open(user, kind=kind, **options)


def columns_of(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def left_by(kind, **options):
    """Open a sign-in. Returns the columns of the user, of the row and of the event."""
    user = UserFactory(email="kim@example.com", last_login=None)
    sid = index.new_sid(index.new_tag())
    proved_at = timezone.now() - timedelta(hours=1)
    with bound_contextvars(request_id="abcdefgh-1"):
        session = opened(
            user, kind, sid=sid, proved_at=proved_at, lacks_second_step=True, **options
        )
    rows = [
        columns_of(User.objects.get(pk=user.pk)),
        columns_of(AuthSession.objects.get(pk=sid)),
        columns_of(AuditEvent.objects.get(type="login.succeeded", sid=sid)),
    ]
    assert columns_of(user) == rows[0]  # the instance has the row as it is now
    assert columns_of(session) == rows[1]
    User.objects.filter(pk=user.pk).delete()
    now = timezone.now()
    for row in rows:
        for name, value in row.items():
            if name in {"id", "sid", "user_id"}:
                row[name] = {sid: "<sid>", user.pk: "<user>"}.get(value, "<own>")
            elif name in {"password", "password_version", "refresh_jti"}:
                row[name] = bool(value)
            elif hasattr(value, "tzinfo"):
                assert value.tzinfo is not None
                row[name] = round((value - now).total_seconds() / 60)
    return rows


def in_transaction(kind):
    """Open it as SQLite does."""
    before, openings.at_once = openings.at_once, lambda *_, **__: False
    try:
        return left_by(kind)
    finally:
        openings.at_once = before


@pytest.fixture
def told(monkeypatch):
    """The messages of the bell."""
    heard = []
    monkeypatch.setattr(bell, "publish", lambda topic, ids: heard.append((topic, *ids)))
    return heard


def lose_connection():
    """End this thread's connection from outside."""
    other = connection.copy()
    with other.cursor() as cursor:
        pid = connection.connection.info.backend_pid
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
    other.close()


def events():
    return AuditEvent.objects.filter(type="login.succeeded")


# The rows


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["browser", "token"])
def test_the_rows_are_those_of_the_transaction(kind):
    assert left_by(kind) == in_transaction(kind)


@committing
@pytest.mark.parametrize("kind", ["browser", "token"])
def test_the_rows_of_a_statement_of_its_own_are_the_same(kind):
    """Outside a transaction, libpq sends the statement in another way."""
    assert left_by(kind) == in_transaction(kind)


@committing
@on_postgres
def test_without_prepared_statements_the_rows_are_the_same(monkeypatch):
    connection.ensure_connection()
    monkeypatch.setattr(connection.connection, "prepare_threshold", None)

    assert left_by("token") == in_transaction("token")


@committing
def test_a_tool_that_watches_the_statements_changes_nothing():
    with CaptureQueriesContext(connection):
        watched = left_by("token")

    assert watched == left_by("token")


@committing
def test_the_event_is_the_same_on_both_databases():
    user, row, event = left_by("token")

    assert (user["last_login"], row["auth_time"]) == (0, -60)
    assert event == {
        "id": "<own>",
        "created_at": 0,
        "type": "login.succeeded",
        "user_id": "<user>",
        "identifier": "kim@example.com",
        "sid": "<sid>",
        "ip": CLIENT.ip,
        "user_agent": CLIENT.user_agent,
        "reason": "",
        "note": "",
        "amr": ["pwd", "otp"],
        "request_id": "abcdefgh-1",
        "actor_id": None,
        "seq": None,
        "sealed_at": None,
        "hash": "",
        "personal": {},
    }


@committing
def test_a_caller_without_an_address_leaves_none(user):
    session = opened(user, client=ClientInfo())

    for row in (AuthSession.objects.get(pk=session.pk), events().get()):
        assert (row.ip, row.user_agent) == (None, "")


@committing
def test_the_event_has_the_address_of_the_locked_row(user):
    User.objects.filter(pk=user.pk).update(email="new@example.com")

    opened(user)

    assert events().get().identifier == user.email == "new@example.com"


@committing
def test_the_chain_seals_and_verifies_the_events(user):
    for _ in range(3):
        opened(user)

    chain.seal()

    assert events().filter(seq__isnull=False).count() == 3
    assert fault() == ""


# Who is refused


@committing
@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "new"}, None])
def test_a_refused_sign_in_writes_nothing(user, told, change):
    rows = User.objects.filter(pk=user.pk)
    if change is None:
        rows.delete()
    else:
        rows.update(**change)
    told.clear()
    before = list(User.objects.values("last_login"))

    with pytest.raises(InactiveUserError):
        opened(user)

    assert list(User.objects.values("last_login")) == before
    assert not AuthSession.objects.exists()
    assert not events().exists()
    assert told == []


@committing
def test_a_connection_that_was_ended_opens_nothing(user):
    with pytest.raises(InactiveUserError):
        opened(user, through=("google", "4711"))

    assert not AuthSession.objects.exists()


@committing
def test_an_account_that_was_to_be_deleted_is_kept(user, told):
    User.objects.filter(pk=user.pk).update(erase_at=timezone.now() + timedelta(days=1))

    session = opened(user)

    assert session.is_account_kept
    assert User.objects.get(pk=user.pk).erase_at is None
    assert events().count() == 1
    assert AuditEvent.objects.filter(type="deletion.cancelled").count() == 1
    assert (Topic.OPENED, f"{session.pk} {user.pk}") in told


@committing
def test_an_id_that_is_taken_opens_nothing(user):
    """The statement leaves a row with this id alone. It must not pass for the new sign-in."""
    first = opened(UserFactory())

    with pytest.raises(DatabaseError):
        opened(user, sid=first.pk)

    assert AuthSession.objects.get().user_id == first.user_id
    assert events().count() == 1


@committing
def test_twenty_at_once_all_open(user, told):
    found = at_once(20, lambda _: opened(User.objects.get(pk=user.pk)).pk)

    assert len(set(found)) == AuthSession.objects.count() == events().count() == len(told) == 20


# Those who follow the audit log


@committing
def test_an_endpoint_gets_the_event_in_the_same_transaction(user, told):
    row, _ = endpoint(events=["session.opened"])

    session = opened(user)

    delivery = WebhookDelivery.objects.get()
    assert (delivery.endpoint, delivery.cause) == (row, "login.succeeded")
    assert (delivery.user_id, delivery.sid) == (user.pk, session.pk)
    assert delivery.occurred_at == events().get().created_at
    assert Job.objects.get().kind == "webhook"
    assert told == [(Topic.OPENED, f"{session.pk} {user.pk}")]


@committing
def test_a_subscriber_that_fails_undoes_the_sign_in(user, monkeypatch, told):
    def fail(events, user_id):
        raise RuntimeError

    monkeypatch.setattr(trail, "_subscriptions", [*trail._subscriptions])
    trail.subscribe(fail)

    with pytest.raises(RuntimeError):
        opened(user)

    assert not AuthSession.objects.exists()
    assert not events().exists()
    assert told == []


@committing
def test_a_listener_hears_of_it_once_after_the_commit(user, monkeypatch):
    heard = []
    monkeypatch.setattr(trail, "_listeners", [])
    trail.listen(
        lambda events: heard.extend(
            (connection.in_atomic_block, each.type, each.user_id, each.identifier, each.sid)
            for each in events
        )
    )
    User.objects.filter(pk=user.pk).update(email="new@example.com")  # after `user` was read

    session = opened(user)

    assert heard == [(False, "login.succeeded", user.pk, "new@example.com", session.pk)]


# A lost connection


@committing
@on_postgres
@pytest.mark.parametrize("has_endpoint", [False, True])
def test_a_connection_lost_before_the_statement_costs_nothing(user, told, has_endpoint):
    if has_endpoint:
        endpoint(events=["session.opened"])
    lose_connection()

    session = opened(user)

    assert AuthSession.objects.get().pk == session.pk
    assert events().get().sid == session.pk
    assert told == [(Topic.OPENED, f"{session.pk} {user.pk}")]


@committing
@on_postgres
def test_an_answer_lost_after_the_commit_opens_one_sign_in(user, told, monkeypatch):
    real, runs = libpq.run, []

    def prepared(connection, sql, values):
        runs.append(sql)
        row = real(connection, sql, values)
        if len(runs) == 1:
            assert row
            lose_connection()
            real(connection, "SELECT 1 WHERE %s = 'x'", ["x"])  # raises
        return row

    monkeypatch.setattr(libpq, "run", prepared)

    session = opened(user)

    assert len(runs) == 2
    assert runs[0] == runs[1]
    assert AuthSession.objects.get().pk == session.pk
    assert events().get().sid == session.pk
    assert told == [(Topic.OPENED, f"{session.pk} {user.pk}")]


@committing
@on_postgres
def test_an_answer_lost_in_a_transaction_is_an_error(user, told):
    endpoint(events=["session.opened"])
    before = [*trail._subscriptions]
    trail.subscribe(lambda events, user_id: lose_connection())
    try:
        with pytest.raises(OperationalError):
            opened(user)
    finally:
        trail._subscriptions[:] = before
    connection.close()

    assert told == []
    assert not AuthSession.objects.exists()
    assert opened(user).pk == AuthSession.objects.get().pk


# What it costs


@committing
@pytest.mark.skipif(not IS_POSTGRES, reason="SQLite needs a transaction")
@pytest.mark.parametrize("has_endpoints", [False, True])
def test_it_is_one_statement_unless_an_endpoint_wants_it(user, has_endpoints):
    if has_endpoints:
        endpoint(events=["user.created"])
        endpoints.stop(endpoint(events=["session.opened"])[0], reason="by_operator")

    with CaptureQueriesContext(connection) as sql:
        opened(user)

    assert len(sql) == 1
