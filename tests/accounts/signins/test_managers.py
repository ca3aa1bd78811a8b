"""Select sign-ins: the active ones."""

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
