"""Judge a sign-in by the account's events before it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.client_info import ClientInfo
from accounts.signins import oddities
from accounts.signins.models import AuthSession
from tests.kit.clients import CHROME
from tests.kit.factories import AuditEventFactory, AuthSessionFactory

HERE = {"ip": "203.0.113.7", "user_agent": CHROME}
FAILED = "login.failed"


@pytest.fixture
def session(user):
    """A sign-in that was just opened, with its event."""
    opened = AuthSessionFactory(user=user)
    AuditEventFactory(user=user, sid=opened.pk, **HERE)
    return opened


def judge(session, *, has_mark=False, is_app=False, **client):
    session.kind = AuthSession.Kind.TOKEN if is_app else AuthSession.Kind.BROWSER
    return oddities.of(session, client=ClientInfo(**HERE | client), has_mark=has_mark)


def before(user, type_="login.succeeded", minutes=60, **facts):
    when = timezone.now() - timedelta(minutes=minutes)
    return AuditEventFactory(user=user, type=type_, created_at=when, **HERE | facts)


def test_nothing_is_odd_about_the_first(session):
    assert judge(session) == oddities.NONE


def test_one_statement_answers(session, user, django_assert_num_queries):
    before(user)
    with django_assert_num_queries(1):
        judge(session, is_app=True)


@pytest.mark.parametrize(("newer", "statements"), [(9, 1), (10, 2), (30, 2)])
def test_a_place_that_signed_in_long_ago_is_known(
    session, user, newer, statements, django_assert_num_queries
):
    before(user, minutes=100)
    for minutes in range(newer):
        before(user, minutes=minutes, ip="198.51.100.1")

    with django_assert_num_queries(statements):
        assert judge(session, is_app=True) == oddities.NONE


def test_a_browser_is_known_by_its_mark_only(session, user):
    before(user)

    assert judge(session).is_new_device
    assert not judge(session, has_mark=True)


@pytest.mark.parametrize(
    ("facts", "is_new"),
    [
        ({"ip": "203.0.113.200"}, False),
        ({"ip": "203.0.112.7"}, True),
        ({"ip": None}, True),
        ({"user_agent": "curl/8.1"}, True),
        ({"ip": "2001:db8:1:2::1"}, True),
    ],
)
def test_an_app_is_known_by_its_place(session, user, facts, is_new):
    before(user)

    assert judge(session, is_app=True, **facts).is_new_device is is_new


def test_a_place_of_ipv6_is_a_48(session, user):
    before(user, ip="2001:db8:1:2::1")

    assert not judge(session, is_app=True, ip="2001:db8:1:ffff::9")
    assert judge(session, is_app=True, ip="2001:db8:2:2::1")


def test_events_of_another_account_are_not_read(session, user):
    before(AuthSessionFactory().user)

    assert judge(session, is_app=True) == oddities.NONE


def test_a_report_makes_a_mark_worthless_until_the_next_sign_in(session, user):
    before(user, minutes=60)
    before(user, "activity.denied", minutes=30)
    assert judge(session, has_mark=True).is_new_device
    assert judge(session, is_app=True).is_new_device

    before(user, minutes=20)
    assert not judge(session, has_mark=True)
    assert judge(session).is_new_device
    assert not judge(session, is_app=True)
    assert judge(session, has_mark=True, ip="192.0.2.1").is_new_device


@pytest.mark.parametrize(("times", "counted"), [(4, 0), (5, 5), (9, 9)])
def test_failures_count_since_the_last_sign_in(session, user, times, counted):
    before(user, FAILED, minutes=90)
    before(user, minutes=60)
    for number in range(times):
        before(user, FAILED, minutes=number + 1)

    assert judge(session, has_mark=True).failures == counted


def test_failures_count_for_a_day(session, user):
    before(user, minutes=3000)
    for number in range(9):
        before(user, FAILED, minutes=24 * 60 + 1 + number)

    assert not judge(session, has_mark=True)


def test_a_flood_of_failures_makes_a_sign_in_odd(session, user):
    before(user, minutes=3000)
    for number in range(oddities.LOOK_BACK):
        before(user, FAILED, minutes=number / 100)

    found = judge(session, has_mark=True)
    assert found.failures == oddities.LOOK_BACK


def test_an_absence_begins_when_the_last_sign_in_must_have_ended(session, user, settings):
    days = settings.AUTH_SESSION_LIFETIME.days + 30
    last = before(user, minutes=days * 24 * 60 - 60)
    assert not judge(session, has_mark=True)

    last.created_at -= timedelta(hours=2)
    last.save()
    assert judge(session, has_mark=True).is_long_idle
