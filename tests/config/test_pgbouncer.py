"""Test that the site works where each transaction may get another connection of PostgreSQL."""

import os

import pytest
from django.conf import settings
from django.db import connection, transaction

from accounts import statements
from accounts.signins import revocations
from accounts.signins.models import AuthSession
from tests.kit import pgbouncer
from tests.kit.factories import AuthSessionFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        os.environ.get("TEST_DATABASE") != "pgbouncer", reason="has a run of its own"
    ),
]


def pid():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def test_two_transactions_never_share_a_connection():
    """Without that, the other tests of this run would show nothing."""
    assert pid() != pid()

    with transaction.atomic():
        assert pid() == pid()


def test_the_hot_statements_are_prepared_where_pgbouncer_keeps_them():
    """Each run of the statement may meet a connection of PostgreSQL that has never prepared it."""
    session = AuthSessionFactory(amr=["pwd", "otp"])
    sql, fields = "SELECT id, amr FROM accounts_authsession WHERE id = %s", ["id", "amr"]

    def read():
        return statements.first(sql, [session.pk], statements.columns_of(AuthSession, *fields))

    def names():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement ~ '\\$1'")
            return cursor.fetchone()[0]

    assert [read() for _ in range(4 * pgbouncer.SERVERS)] == (
        [[session.pk, ["pwd", "otp"]]] * 4 * pgbouncer.SERVERS
    )
    prepared = [names() for _ in range(pgbouncer.SERVERS)]
    assert all(prepared) if settings.DATABASE_PREPARED_STATEMENTS else not any(prepared)


def test_rows_are_read_without_a_cursor_of_the_server():
    AuthSessionFactory.create_batch(3)

    found = AuthSession.objects.iterator(chunk_size=1)
    first = next(found)
    assert pid() != pid()  # other transactions, between two rows

    assert len({first.pk, *(each.pk for each in found)}) == 3


def test_the_time_zone_is_the_same_on_each_connection():
    def zone():
        with connection.cursor() as cursor:
            cursor.execute("SELECT CURRENT_SETTING('TimeZone')")
            return cursor.fetchone()[0]

    assert {zone() for _ in range(20)} == {"UTC"}


def test_an_open_transaction_holds_the_feed_back_through_the_pooler():
    """The horizon is read from `pg_stat_activity`, which lists PgBouncer's connections."""
    with transaction.atomic():
        AuthSessionFactory()
        with connection.cursor() as cursor:
            cursor.execute("SELECT xact_start FROM pg_stat_activity WHERE pid = pg_backend_pid()")
            began = cursor.fetchone()[0]
            cursor.execute("SELECT pg_sleep(0.01)")

        assert revocations.committed_until() == began
