"""Refresh a sign-in many times: no table grows."""

from datetime import timedelta

import pytest
import time_machine
from django.apps import apps
from django.db import connection
from django.utils import timezone

from accounts.client_info import ClientInfo
from accounts.signins import rotation, sessions
from accounts.signins.models import AuthSession
from api.tokens import exchange, jwts

TIMES = 200


def rows():
    """Return the number of rows of each table."""
    with connection.cursor() as cursor:
        counts = {}
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT COUNT(*) FROM "{table}"')
            (counts[table],) = cursor.fetchone()
    return counts


@pytest.fixture
def session(user):
    return sessions.open(user, kind=sessions.Kind.TOKEN, client=ClientInfo(), amr=["pwd"])


@pytest.mark.slow
def test_many_refreshes_add_no_row_to_any_table(session):
    pair = jwts.pair(session)
    before = rows()
    assert set(before) >= {model._meta.db_table for model in apps.get_models()}
    seen = set()

    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(TIMES):
            clock.shift(timedelta(seconds=61))
            pair = exchange.next_pair(pair["refresh"], client=ClientInfo())
            seen.add(pair["refresh"])

    assert len(seen) == TIMES  # each call has rotated the token
    assert rows() == before
    row = AuthSession.objects.get()
    assert row.revoked_at is None
    assert row.expires_at == session.expires_at


@pytest.mark.parametrize("retry_key", ["", "a-retry-key_12345678"], ids=["no key", "key"])
def test_repeats_within_the_grace_add_no_row_either(session, retry_key):
    first = jwts.pair(session)
    before = rows()

    for _ in range(100 if retry_key else rotation.MOST_REPEATS):
        exchange.next_pair(first["refresh"], retry_key=retry_key, client=ClientInfo())

    assert rows() == before
