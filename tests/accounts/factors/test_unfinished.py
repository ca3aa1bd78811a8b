"""Warn the owner of a half-finished sign-in. The story is in `stories/test_sign_in_notices.py`."""

import pytest
from django.db import DatabaseError
from django.utils import timezone

from accounts.factors import unfinished
from accounts.mail import notices
from accounts.people.models import User

HANDLER = unfinished.HalfSignInHandler()


@pytest.fixture
def payload(user):
    begun_at = timezone.now().isoformat()
    return {"user": str(user.pk), "ip": "192.0.2.1", "user_agent": "", "begun_at": begun_at}


def test_the_owner_is_warned_once_a_day(payload, deliver):
    HANDLER.do(payload)
    HANDLER.do(payload)

    assert len(deliver()) == 1


def test_a_mail_that_could_not_be_stored_is_tried_again(payload, deliver, monkeypatch):
    def fail(*args, **kwargs):
        raise DatabaseError

    with monkeypatch.context() as broken, pytest.raises(DatabaseError):
        broken.setattr(notices, "second_step_unfinished", fail)
        HANDLER.do(payload)
    HANDLER.do(payload)

    assert len(deliver()) == 1


def test_a_disabled_account_is_not_warned(payload, user, deliver):
    User.objects.filter(pk=user.pk).update(is_active=False)

    HANDLER.do(payload)

    assert deliver() == []


def test_a_job_that_is_given_up_is_logged(payload, caplog):
    caplog.set_level("ERROR", logger="accounts.factors.unfinished")

    HANDLER.failed(payload, DatabaseError("gone"), attempt=1)
    HANDLER.given_up(payload)

    assert [record.getMessage() for record in caplog.records] == [
        "an owner was not warned (attempt 1)",
        "an owner was never warned of a half-finished sign-in: given up",
    ]
