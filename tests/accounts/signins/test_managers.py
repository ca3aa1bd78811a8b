"""Select sign-ins: the active ones. End one."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.signins import sessions
from accounts.signins.models import AuthSession
from tests.kit.factories import AuthSessionFactory, UserFactory


@pytest.mark.django_db
def test_active_sign_ins_are_neither_ended_nor_expired():
    live = AuthSessionFactory()
    AuthSessionFactory(revoked=True)
    AuthSessionFactory(expires_at=timezone.now() - timedelta(seconds=1))

    assert list(AuthSession.objects.active()) == [live]
    assert live.is_active


@pytest.mark.django_db
def test_a_sign_out_ends_one_sign_in_and_returns_its_user():
    session, other = AuthSessionFactory(), AuthSessionFactory()

    owner = AuthSession.objects.sign_out(session.pk, reason="logout")

    assert (owner.pk, owner.email) == (session.user.pk, session.user.email)
    ended = AuthSession.objects.get(pk=session.pk)
    assert ended.revoked_reason == "logout"
    assert abs(ended.revoked_at - timezone.now()) < timedelta(minutes=1)
    assert list(AuthSession.objects.active()) == [other]
    assert AuthSession.objects.sign_out(session.pk, reason="logout") is None


@pytest.mark.django_db
def test_a_sign_out_ends_no_api_key():
    key = sessions.open_for_key(uuid4(), expires_at=timezone.now() + timedelta(days=1))

    assert AuthSession.objects.sign_out(key.pk, reason="logout") is None
    assert AuthSession.objects.get().is_active


@pytest.mark.django_db
@pytest.mark.parametrize("left", [timedelta(days=1), timedelta(seconds=-1)])
def test_a_sign_out_of_a_user_ends_only_an_active_sign_in_of_that_user(left):
    session = AuthSessionFactory(expires_at=timezone.now() + left)
    of_other = AuthSession.objects.sign_out(session.pk, reason="logout", user=UserFactory())
    of_owner = AuthSession.objects.sign_out(session.pk, reason="logout", user=session.user)

    assert of_other is None
    assert of_owner == (session.user if left > timedelta() else None)
