"""Use a stolen refresh token through HTTP: the site signs out both the thief and the owner."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.signins.models import AuthSession
from tests.kit import forge
from tests.kit.clients import bearer
from tests.kit.problems import problem


def refresh(client, token):
    return client.post("/api/token/refresh/", {"refresh": token}, content_type="application/json")


@pytest.fixture
def grow_old():
    """Let the grace window pass."""
    with time_machine.travel(timezone.now()) as clock:
        yield lambda: clock.shift(timedelta(minutes=2))


@pytest.mark.django_db(transaction=True)
def test_the_end_of_a_reused_sign_in_survives_the_401(client, obtain, user, grow_old):
    first = obtain(user)
    second = refresh(client, first["refresh"]).json()
    refresh(client, second["refresh"])
    grow_old()

    thief = refresh(client, first["refresh"])

    assert thief.status_code == 401
    assert thief.json() == problem(401, "refresh_reused")
    assert AuthSession.objects.get().revoked_reason == "reused"
    assert AuditEvent.objects.filter(type="refresh_token.reused").count() == 1
    assert refresh(client, second["refresh"]).status_code == 401
    for pair in (first, second):
        assert client.get("/api/me/", headers=bearer(pair["access"])).status_code == 401


def test_a_retry_after_a_lost_answer_gets_the_same_token(client, obtain, user):
    first = obtain(user)
    lost = refresh(client, first["refresh"]).json()

    again = refresh(client, first["refresh"]).json()

    assert forge.part(again["refresh"], 1) == forge.part(lost["refresh"], 1)
    assert client.get("/api/me/", headers=bearer(again["access"])).status_code == 200


def test_a_headless_refresh_is_the_same_rotation(client, obtain, user, grow_old):
    first = obtain(user)
    second = refresh(client, first["refresh"]).json()
    refresh(client, second["refresh"])
    grow_old()

    thief = client.post(
        "/_allauth/app/v1/tokens/refresh",
        {"refresh_token": first["refresh"]},
        content_type="application/json",
    )

    assert thief.status_code == 400
    assert thief.json()["code"] == "refresh_reused"
    assert AuthSession.objects.get().revoked_reason == "reused"
    event = AuditEvent.objects.get(type="refresh_token.reused")
    assert event.ip == "127.0.0.1"
