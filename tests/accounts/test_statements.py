"""Test the hot statements: both databases give the same values, and a lost connection costs nothing."""

import gc
import logging
import os
import weakref
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import (
    DataError,
    IntegrityError,
    InternalError,
    OperationalError,
    connection,
    transaction,
)
from django.test.utils import CaptureQueriesContext
from psycopg import IsolationLevel
from psycopg.pq import TransactionStatus

from accounts import libpq, statements
from accounts.audit.models import AuditEvent
from accounts.people.models import User
from accounts.signins.models import AuthSession
from config.database import POOL
from tests.kit.cutting import end_all_connections
from tests.kit.factories import AuthSessionFactory, UserFactory

SQL = "SELECT {} FROM accounts_authsession WHERE id = %s"
COLUMNS = ["id", "user_id", "amr", "auth_time", "revoked_at", "client_id", "refresh_repeats"]
FIELDS = [AuthSession._meta.get_field(name) for name in COLUMNS]

pytestmark = pytest.mark.django_db(transaction=True)

on_postgres = pytest.mark.skipif(
    connection.vendor != "postgresql" or os.environ.get("TEST_DATABASE") == "pgbouncer",
    reason="of PostgreSQL without a pooler, which has a run of its own",
)


def read(session_id):
    return statements.first(SQL.format(", ".join(COLUMNS)), [session_id], FIELDS)


def fill_pool():
    held = [connection.copy() for _ in range(4)]
    for each in held:
        each.ensure_connection()
    for each in held:
        each.close()


@pytest.fixture
def session():
    return AuthSessionFactory(amr=["pwd", "otp"])


@pytest.fixture
def cut():
    """Return a function that ends this thread's connection from outside."""

    def end():
        connection.ensure_connection()
        pid = connection.connection.info.backend_pid
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])  # wait until it ended
        other.close()
        return pid

    return end


def test_the_values_are_those_of_the_model(session):
    session.refresh_from_db()
    expected = [getattr(session, name) for name in COLUMNS]

    assert read(session.pk) == expected
    assert [type(value) for value in read(session.pk)] == [type(value) for value in expected]


def test_the_plain_way_gives_the_same(session):
    with CaptureQueriesContext(connection) as sql:
        plain = read(session.pk)

    assert len(sql) == 1
    assert plain == read(session.pk)


def test_no_row_is_none(session):
    assert read(uuid4()) is None


def test_values_have_names_or_places(session):
    moment = datetime.now(UTC) - timedelta(days=1)
    sql = (
        "UPDATE accounts_authsession SET last_seen_at = %(now)s, auth_time = %(now)s, user_agent = %(text)s "
        "WHERE id = %(id)s RETURNING last_seen_at, user_agent"
    )
    fields = [AuthSession._meta.get_field(name) for name in ("last_seen_at", "user_agent")]

    row = statements.first(sql, {"now": moment, "text": "a'b%c문", "id": session.pk}, fields)

    assert row == [moment, "a'b%c문"]
    session.refresh_from_db()
    assert (session.auth_time, session.user_agent) == (moment, "a'b%c문")


def test_in_a_transaction_the_statement_belongs_to_it(session):
    with transaction.atomic():
        User.objects.filter(pk=session.user_id).update(display_name="new")
        assert User.objects.active(session.user_id).display_name == "new"
        transaction.set_rollback(True)

    assert User.objects.active(session.user_id).display_name == session.user.display_name


@on_postgres
def test_the_statement_is_prepared_once_on_a_connection(session):
    for _ in range(3):
        read(session.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, statement FROM pg_prepared_statements")
        rows = cursor.fetchall()
        ours = [text for name, text in rows if name.startswith("hot")]
        found = [text for text in ours if text.startswith("SELECT id, user_id, amr")]

    assert found == [SQL.format(", ".join(COLUMNS)).replace("%s", "$1")]


@on_postgres
def test_a_lost_connection_is_replaced(session, cut):
    read(session.pk)
    pid = cut()

    assert read(session.pk)[0] == session.pk
    assert connection.connection.info.backend_pid != pid


@on_postgres
def test_the_caller_hears_of_a_second_run(session, cut):
    heard = []

    def look():
        return statements.first(
            "SELECT id FROM accounts_user WHERE id = %s",
            [uuid4()],
            [],
            on_retry=lambda: heard.append(1),
        )

    look()
    assert heard == []
    cut()
    look()
    assert heard == [1]


@on_postgres
def test_a_lost_connection_in_a_transaction_is_an_error(session, cut):
    def lost():
        with transaction.atomic():
            User.objects.count()
            cut()
            read(session.pk)

    with pytest.raises(OperationalError):
        lost()
    assert read(session.pk)[0] == session.pk


@on_postgres
@pytest.mark.parametrize("is_first", [True, False])
def test_in_a_transaction_nothing_runs_twice(session, cut, is_first, monkeypatch):
    """What ran before in the transaction would be lost, and the code goes on as if it were not."""
    runs = []
    real = libpq.run

    def counted(*args):
        runs.append(args)
        return real(*args)

    def lost():
        with transaction.atomic():
            if not is_first:
                read(session.pk)
            cut()
            runs.clear()
            read(session.pk)

    read(session.pk)
    monkeypatch.setattr(libpq, "run", counted)

    with pytest.raises(OperationalError):
        lost()
    assert len(runs) == 1
    assert read(session.pk)[0] == session.pk


@on_postgres
def test_the_first_statement_of_a_transaction_begins_it(session):
    """Otherwise it would be committed by itself, and a lock would end with it."""
    sql = "UPDATE accounts_authsession SET client_id = 'changed' WHERE id = %s RETURNING client_id"
    fields = statements.columns_of(AuthSession, "client_id")

    with transaction.atomic():
        assert statements.rows(sql, [session.pk], fields) == [["changed"]]
        status = connection.connection.info.transaction_status
        transaction.set_rollback(True)

    session.refresh_from_db()
    assert status == TransactionStatus.INTRANS
    assert session.client_id == "first-party"


@on_postgres
def test_a_transaction_has_the_isolation_of_its_connection(session):
    level = "SELECT current_setting('transaction_isolation')"
    fields = statements.columns_of(AuthSession, "client_id")
    connection.ensure_connection()
    connection.connection.isolation_level = IsolationLevel.REPEATABLE_READ
    try:
        with transaction.atomic():
            assert statements.rows(level, [], fields) == [["repeatable read"]]
    finally:
        connection.connection.isolation_level = None


@on_postgres
def test_a_failed_transaction_takes_no_statement(session):
    with transaction.atomic():
        with pytest.raises(DataError):
            read("no uuid")
        with pytest.raises(InternalError):
            read(session.pk)
        transaction.set_rollback(True)

    assert read(session.pk)[0] == session.pk


def test_a_transaction_that_must_roll_back_takes_no_statement(session):
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            read(session.pk)


@on_postgres
def test_a_column_that_changes_between_transactions_is_read_anew(session):
    def client_id():
        with transaction.atomic():
            return read(session.pk)[COLUMNS.index("client_id")]

    assert client_id() == "first-party"
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_authsession ALTER client_id DROP DEFAULT")
        cursor.execute(
            "ALTER TABLE accounts_authsession ALTER client_id TYPE integer USING length(client_id)"
        )
    try:
        assert client_id() == 11
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE accounts_authsession ALTER client_id TYPE varchar(64)")
        connection.close()
        connection.close_pool()


@pytest.mark.parametrize("is_watched", [True, False])
@pytest.mark.parametrize("model", [AuthSession, AuditEvent])
def test_an_inserted_row_is_that_of_save(model, is_watched):
    user = UserFactory()
    made = {
        AuthSession: AuthSessionFactory.build(user=user, amr=["pwd", "문'%"], ip="2001:db8::1"),
        AuditEvent: AuditEvent(
            user=user, type=AuditEvent.Type.LOGIN_SUCCEEDED, amr=["pwd"], personal={"a": None}
        ),
    }[model]
    values = {field.attname: getattr(made, field.attname) for field in model._meta.concrete_fields}

    with CaptureQueriesContext(connection) if is_watched else nullcontext():
        statements.insert(made)

    stored = model.objects.get(pk=made.pk)
    assert (made._state.adding, made._state.db) == (False, "default")
    for name, value in values.items():
        if name != model._meta.pk.attname or value is not None:
            assert getattr(stored, name) == getattr(made, name) == value, name


def test_an_inserted_row_belongs_to_its_transaction():
    session = AuthSessionFactory.build(user=UserFactory())

    with transaction.atomic():
        statements.insert(session)
        transaction.set_rollback(True)

    assert not AuthSession.objects.exists()


def test_a_row_that_breaks_a_constraint_is_an_error_of_django():
    session = AuthSessionFactory()

    with pytest.raises(IntegrityError):
        statements.insert(AuthSessionFactory.build(pk=session.pk, user=session.user))


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps such texts")
def test_a_text_with_a_nul_is_refused(session):
    """libpq takes the NUL for the end, so another row than the asked one would be found."""
    sql = "SELECT id FROM accounts_user WHERE email = %s"
    fields = statements.columns_of(User, "id")
    email = session.user.email

    assert statements.rows(sql, [email], fields) == [[session.user_id]]
    with pytest.raises(DataError):
        statements.rows(sql, [f"{email}\0@example.com"], fields)


def test_all_rows_are_returned_in_their_order():
    users = sorted([UserFactory(), UserFactory(), UserFactory()], key=lambda user: user.email)
    fields = statements.columns_of(User, "id", "email")

    found = statements.rows("SELECT id, email FROM accounts_user ORDER BY email", [], fields)

    assert found == [[user.pk, user.email] for user in users]


@on_postgres
def test_a_changed_column_costs_no_error(session):
    read(session.pk)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_authsession ALTER client_id TYPE varchar(65)")
    try:
        assert read(session.pk)[0] == session.pk
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE accounts_authsession ALTER client_id TYPE varchar(64)")


@on_postgres
def test_a_deallocated_statement_is_prepared_again(session):
    """psycopg sends `DEALLOCATE ALL` after a rollback, if it has prepared statements of its own."""
    read(session.pk)
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    raw = connection.connection

    assert read(session.pk)[0] == session.pk
    assert connection.connection is raw


@on_postgres
@pytest.mark.parametrize("prepared", [True, False])
def test_a_rollback_costs_no_error(session, prepared, monkeypatch):
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "server_side_binding", prepared)
    connection.close()
    connection.close_pool()
    read(session.pk)
    for _ in range(8):
        User.objects.filter(pk=session.user_id).exists()
    with transaction.atomic():
        User.objects.count()
        transaction.set_rollback(True)

    assert read(session.pk)[0] == session.pk
    connection.close()
    connection.close_pool()


@on_postgres
def test_no_lost_connection_stays_in_memory(session, caplog):
    caplog.set_level(logging.ERROR, logger="psycopg.pool")  # its lines would keep the connections
    lost = []

    for _ in range(3):
        read(session.pk)
        lost.append(weakref.ref(connection.connection))
        end_all_connections()
        assert libpq.replace_lost() or read(session.pk)
    connection.close()
    gc.collect()

    assert [each() for each in lost] == [None] * 3
    assert len(libpq._statements) <= POOL["max_size"]


@on_postgres
def test_all_connections_of_the_pool_lost_cost_no_error(session):
    fill_pool()
    end_all_connections()

    assert [read(session.pk)[0] for _ in range(5)] == [session.pk] * 5


@on_postgres
def test_an_unreachable_database_is_asked_once(session, monkeypatch):
    """Each try may take the whole time-out of the pool, and the thread waits."""
    asked = []

    def connect():
        asked.append(1)
        raise OperationalError("nobody answers")

    connection.close()
    monkeypatch.setattr(connection, "connect", connect)

    with pytest.raises(OperationalError):
        read(session.pk)
    assert asked == [1]


@on_postgres
def test_a_connection_lost_twice_is_an_outage(session, cut, monkeypatch):
    """Not any `DatabaseError`, which would be answered as a defect."""
    read(session.pk)
    cut()
    monkeypatch.setattr(libpq, "is_mended", lambda *_: False)

    with pytest.raises(OperationalError):
        read(session.pk)
    connection.close()


@on_postgres
def test_one_name_never_means_two_statements(session):
    """Behind a pooler, another process may have prepared its statements on the same connection."""
    read(session.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE name LIKE 'hot%'")
        first = {name for (name,) in cursor.fetchall()}
    connection.close()
    connection.close_pool()
    User.objects.active(session.user_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE name LIKE 'hot%'")
        second = {name for (name,) in cursor.fetchall()}

    assert first
    assert second
    assert not first & second


@on_postgres
def test_a_wrong_value_is_an_error_of_django_and_the_connection_goes_on(session):
    read(session.pk)

    with pytest.raises(DataError):
        read("no uuid")
    assert read(session.pk)[0] == session.pk


@on_postgres
def test_without_prepared_statements_the_values_are_the_same(session):
    expected = read(session.pk)
    connection.close()
    connection.ensure_connection()
    connection.connection.prepare_threshold = None
    try:
        assert read(session.pk) == expected
    finally:
        connection.connection.prepare_threshold = 5


def test_an_active_user_is_whole():
    user = UserFactory()
    user.refresh_from_db()

    found = User.objects.active(user.pk)

    assert found == user
    names = [field.attname for field in User._meta.concrete_fields]
    assert [getattr(found, name) for name in names] == [getattr(user, name) for name in names]
    assert found.get_deferred_fields() == set()


def test_an_instance_has_each_value_in_its_own_column():
    user = UserFactory(is_staff=False)
    fields = [User._meta.get_field(name) for name in ("is_staff", "email", "id")]

    found = statements.instance(User, fields, [False, user.email, user.pk])

    assert (found.pk, found.email, found.is_staff) == (user.pk, user.email, False)
    assert found.display_name == user.display_name  # read now


@on_postgres
@pytest.mark.parametrize(
    ("path", "more", "expected"),
    [
        ("/api/token/", {"password": "x"}, [401, 401, 401, 401]),  # a statement of ours comes first
        ("/api/token/code/", {}, [503, 200, 200, 200]),
    ],
)
def test_a_restart_of_the_database_costs_at_most_one_answer(client, path, more, expected):
    fill_pool()
    connection.close()
    end_all_connections()
    client.raise_request_exception = False

    answers = [
        client.post(
            path, more | {"email": f"nobody{n}@example.com"}, content_type="application/json"
        ).status_code
        for n in range(4)
    ]

    assert answers == expected
