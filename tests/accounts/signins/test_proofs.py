"""Decide whether a sign-in was proved lately enough for a sensitive act."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.errors import FreshProofRequiredError
from accounts.signins import proofs, sessions
from accounts.signins.models import AuthSession
from tests.kit.factories import AuthSessionFactory

CLIENT = ClientInfo(ip="192.0.2.1", user_agent="curl/8.1")
NOW = timezone.now()


@pytest.mark.parametrize(
    ("seconds", "is_fresh"), [(-1, True), (0, True), (600, True), (601, False)]
)
def test_a_proof_is_fresh_for_ten_minutes(seconds, is_fresh):
    session = AuthSession(auth_time=NOW - timedelta(seconds=seconds))

    with time_machine.travel(NOW, tick=False):
        assert proofs.is_fresh(session) is is_fresh


def test_the_time_is_a_setting(settings):
    settings.FRESH_PROOF_SECONDS = 60

    assert proofs.is_fresh(AuthSession(auth_time=timezone.now() - timedelta(seconds=50)))
    assert not proofs.is_fresh(AuthSession(auth_time=timezone.now() - timedelta(seconds=70)))


@pytest.mark.parametrize("session", [None, AuthSession(auth_time=NOW - timedelta(days=1))])
def test_without_a_fresh_proof_the_act_is_refused(session):
    with pytest.raises(FreshProofRequiredError):
        proofs.require(session)


@pytest.mark.django_db
def test_a_proof_moves_the_time_and_keeps_the_methods(user):
    session = AuthSessionFactory(user=user, amr=["kakao"], auth_time=NOW - timedelta(days=1))

    done = sessions.prove(session, amr=["otp"], client=CLIENT)
    session.refresh_from_db()
    event = AuditEvent.objects.get()

    assert done
    assert proofs.is_fresh(session)
    assert session.amr == ["kakao", "otp"]
    assert (event.type, event.user, event.sid, event.ip) == (
        *("session.proved", user, session.pk),
        "192.0.2.1",
    )


@pytest.mark.django_db
@pytest.mark.parametrize("ended", [{"revoked": True}, {"expires_at": NOW - timedelta(seconds=1)}])
def test_a_sign_in_that_has_ended_cannot_be_proved(user, ended):
    session = AuthSessionFactory(user=user, auth_time=NOW - timedelta(days=1), **ended)

    done = sessions.prove(session, amr=["pwd"], client=CLIENT)
    session.refresh_from_db()

    assert not done
    assert session.auth_time == NOW - timedelta(days=1)
    assert not AuditEvent.objects.exists()
