"""Check the database's constraints on sign-ins."""

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.signins.models import AuthSession
from tests.kit.factories import AuditEventFactory, AuthSessionFactory


@pytest.mark.django_db
def test_a_token_sign_in_without_a_jti_is_impossible():
    with pytest.raises(IntegrityError):
        AuthSessionFactory(kind="token", refresh_jti="")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "row",
    [{"revoked_at": timezone.now()}, {"revoked_reason": "logout"}],
    ids=["no reason", "no time"],
)
def test_an_end_has_a_time_and_a_reason(row):
    with pytest.raises(IntegrityError):
        AuthSessionFactory(**row)


@pytest.mark.django_db
def test_audit_rows_and_ended_sign_ins_outlive_their_user():
    event = AuditEventFactory(identifier="a@example.com")
    AuthSessionFactory(user=event.user)
    key = event.user.pk

    event.user.delete()

    event = AuditEvent.objects.select_related("user").get(pk=event.pk)
    assert (event.user, event.user_id, event.identifier) == (None, key, "a@example.com")
    session = AuthSession.objects.get()
    assert (session.user, session.revoked_reason) == (None, "deleted")
