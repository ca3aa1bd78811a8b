"""Select sign-ins: the active ones, and their order on the devices page."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.signins.models import AuthSession
from tests.kit.factories import AuthSessionFactory


@pytest.mark.django_db
def test_active_sign_ins_are_neither_ended_nor_expired():
    live = AuthSessionFactory()
    AuthSessionFactory(revoked=True)
    AuthSessionFactory(expires_at=timezone.now() - timedelta(seconds=1))

    assert list(AuthSession.objects.active()) == [live]
    assert live.is_active


def test_the_current_sign_in_comes_first_then_the_latest_seen(user):
    now = timezone.now()
    oldest, newest = (
        AuthSessionFactory(user=user, last_seen_at=now - timedelta(hours=hours)) for hours in (2, 1)
    )

    assert list(AuthSession.objects.for_user(user.pk).this_first(oldest)) == [oldest, newest]
    assert list(AuthSession.objects.for_user(user.pk).this_first(newest)) == [newest, oldest]
