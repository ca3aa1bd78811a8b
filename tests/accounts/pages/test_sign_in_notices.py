"""Count the mails about odd sign-ins, also while Redis is down."""

import pytest
from django.contrib.sessions.backends.base import SessionBase
from django.test import RequestFactory

from accounts.outbox.models import Job
from accounts.pages import sign_in_notices
from tests.kit.clients import CHROME
from tests.kit.factories import AuditEventFactory, AuthSessionFactory
from tests.kit.outage import without_redis


@pytest.fixture
def request_of():
    """Return the request of a browser without cookies."""
    request = RequestFactory(headers={"user-agent": CHROME}).post("/")
    request.session = SessionBase()
    return request


@pytest.fixture
def session(user):
    AuditEventFactory(user=user)
    return AuthSessionFactory(user=user)


def test_without_redis_each_odd_sign_in_is_mailed(request_of, user, session, settings):
    with without_redis(settings):
        for _ in range(3):
            sign_in_notices.tell(request_of, user, session)

    assert Job.objects.filter(kind="mail").count() == 3


def test_after_a_new_password_a_place_is_mailed_again(request_of, user, session):
    """The thief of before the report may come back on the same day."""
    sign_in_notices.tell(request_of, user, session)
    user.set_password("another long password")
    user.save()
    sign_in_notices.tell(request_of, user, session)

    assert Job.objects.filter(kind="mail").count() == 2


def test_with_redis_a_place_causes_one_mail(request_of, user, session):
    for _ in range(3):
        sign_in_notices.tell(request_of, user, session)

    assert Job.objects.filter(kind="mail").count() == 1
