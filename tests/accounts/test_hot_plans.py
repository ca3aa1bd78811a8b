"""PostgreSQL finds the rows of each hot statement by an index. `docs/statements.md` has the plans.

The statements are those that the code sends, on 20,000 users, 20,000 sign-ins and 10,000 events, with the
planner as it is.
"""

import re
from io import StringIO

import pytest
from allauth.account.utils import filter_users_by_email
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.bell import Bell
from accounts.factors import registry
from accounts.outbox import jobs
from accounts.outbox.models import Job
from accounts.pages import backends
from accounts.people import addresses
from accounts.people.models import User
from accounts.signins import oddities, rotation, sessions
from accounts.signins.revocations import Feed
from accounts.support import crowd
from tests.kit.clients import open_browser
from tests.kit.documents import part_of, text_of
from tests.kit.factories import UserFactory
from tests.kit.fixtures.database import empty
from tests.kit.refreshes import CLIENT, NOW, presented

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite plans differently"),
]
USERS, SIGN_INS, EVENTS, JOBS = 20_000, 20_000, 10_000, 5000
LARGE = [
    *("accounts_user", "accounts_authsession", "accounts_auditevent", "accounts_job"),
    "account_emailaddress",
]
TEXT = text_of("statements.md")


@pytest.fixture(scope="module")
def crowded(django_db_setup, django_db_blocker):
    """Fill the database for all tests of this module."""
    with django_db_blocker.unblock():
        counts = [f"--users={USERS}", f"--sign-ins={SIGN_INS}", f"--events={EVENTS}"]
        call_command("seed_crowd", *counts, stdout=StringIO())
        Job.objects.bulk_create(
            Job(kind="mail", payload="", not_before=NOW.replace(year=2100)) for _ in range(JOBS)
        )
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        yield
        empty()


@pytest.fixture
def session(crowded, db):
    user = User.objects.get(pk=crowd.user_id(4711))
    return sessions.open(user, kind=sessions.Kind.TOKEN, client=CLIENT, amr=["pwd"])


def rotated(change, session):
    return change(
        presented(session), now=session.created_at, retry_key="", user_columns=("is_staff",)
    )


def open_devices(session, client):
    open_browser(client, UserFactory())
    with CaptureQueriesContext(connection) as captured:
        assert client.get("/accounts/sessions/").status_code == 200
    return captured.captured_queries


def opened(session):
    return sessions.open(session.user, kind=sessions.Kind.BROWSER, client=CLIENT, amr=["pwd"])


def asked(session):
    return jobs.count_due("mail", most=4)


def taken(session):
    return jobs.take_next("mail")


HOT = {
    "The user of a request": (
        lambda session: User.objects.active(session.user_id),
        "SELECT .* FROM accounts_user WHERE id = .* AND is_active",
    ),
    "The next refresh token": (
        lambda session: rotated(rotation.advance, session),
        r"UPDATE accounts_authsession SET\s+previous_refresh_jti",
    ),
    "The same refresh token again": (
        lambda session: rotated(rotation.repeat, session),
        r"UPDATE accounts_authsession SET\s+last_seen_at",
    ),
    "The poll for ended sign-ins": (
        lambda session: Feed(Bell(), background=False).poll(),
        'SELECT .* FROM "accounts_authsession" WHERE .*"revoked_at" >=',
    ),
    "A new sign-in": (opened, "WITH entered AS"),
    "An audit event": (
        lambda session: sessions.revoke(session, reason=sessions.Reason.ADMIN),
        'INSERT INTO "accounts_auditevent"',
    ),
    "A sign-out": (
        lambda session: sessions.sign_out(session.pk, client=CLIENT),
        "WITH ended AS",
    ),
    "The lock of the user at a sign-in": (
        lambda session: User.objects.enter(session.user, at=NOW),
        "UPDATE accounts_user SET last_login",
    ),
    "The candidates of a sign-in by password": (
        lambda session: backends.candidates(session.user.email),
        "SELECT .* FROM accounts_user u",
    ),
    "The second factors of an account": (
        lambda session: registry.kinds_of(session.user),
        "SELECT type FROM mfa_authenticator",
    ),
    "The last sign-ins of an account": (
        lambda session: oddities.of(session, client=CLIENT, has_mark=False),
        "SELECT .* FROM accounts_auditevent",
    ),
    "An account by its email": (
        lambda session: addresses.account_of(session.user.email),
        'SELECT .* FROM "accounts_user" WHERE .*"email" =',
    ),
    "An account by a proved address": (
        lambda session: filter_users_by_email(session.user.email),
        'SELECT .* FROM "account_emailaddress"',
    ),
    "The jobs that are due": (
        asked,
        'SELECT .* FROM "accounts_job" WHERE .*"not_before" <=',
    ),
    "The lease of a job": (taken, "UPDATE accounts_job"),
}
DEVICES = "The list of devices"


def statement(name, queries):
    """Return the one statement that this part of the page is about."""
    found = [one["sql"] for one in queries if re.search(HOT[name][1], one["sql"], re.DOTALL)]
    assert found, [one["sql"] for one in queries]
    return found[0]


def plan_of(sql):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("EXPLAIN (COSTS OFF) " + sql.replace("%", "%%"), [])
        return "\n".join(row[0] for row in cursor.fetchall())


def assert_by_index(plan):
    assert not re.findall(rf"Seq Scan on ({'|'.join(LARGE)})\b", plan), plan


def indexes_in(text):
    """Return the indexes that a plan uses."""
    found = set(re.findall(r"Index (?:Only )?Scan(?: Backward)? using (\w+)", text))
    return found | set(re.findall(r"Bitmap Index Scan on (\w+)", text))


def named_in(name):
    """Return the names in the part of the page about this statement."""
    return set(re.findall(r"\w+", part_of(TEXT, name)))


@pytest.mark.parametrize("name", HOT)
def test_an_index_finds_the_rows_of_a_hot_statement(session, name):
    with CaptureQueriesContext(connection) as captured:
        HOT[name][0](session)

    plan = plan_of(statement(name, captured.captured_queries))

    assert_by_index(plan)
    assert indexes_in(plan) <= named_in(name), plan


def test_indexes_find_the_rows_of_the_list_of_devices(session, client):
    queries = open_devices(session, client)
    found = [each["sql"] for each in queries if 'FROM "accounts_authsession"' in each["sql"]]

    plans = [plan_of(sql) for sql in found]

    assert plans
    for plan in plans:
        assert_by_index(plan)
    used = set().union(*map(indexes_in, plans))
    assert used
    assert used <= named_in(DEVICES), "\n\n".join(plans)


def test_a_statement_without_an_index_is_seen(session):
    plan = plan_of("SELECT id FROM accounts_authsession WHERE refresh_repeats = 7")

    with pytest.raises(AssertionError):
        assert_by_index(plan)


def test_the_page_has_a_part_for_each_hot_statement():
    assert all(f"## {name}\n" in TEXT for name in (*HOT, DEVICES))


def test_the_poll_for_ended_sign_ins_sorts_nothing(session):
    with CaptureQueriesContext(connection) as captured:
        Feed(Bell(), background=False).poll()

    plan = plan_of(statement("The poll for ended sign-ins", captured.captured_queries))

    assert "Sort" not in plan
