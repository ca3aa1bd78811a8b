"""Test `/api/activity/`: it lists the events of the caller's account."""

from unittest.mock import ANY

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from tests.kit.clients import CHROME, bearer
from tests.kit.factories import UserFactory
from tests.kit.places import write


@pytest.fixture
def headers(pair):
    return bearer(pair["access"])


def test_each_event_is_listed_with_these_fields(client, headers, pair, settings, tmp_path, user):
    settings.GEOIP_FILE = str(write(tmp_path / "cities.mmdb"))
    trail.record(
        AuditEvent.Type.PASSWORD_CHANGED,
        user=user,
        client=ClientInfo(ip="192.0.2.7", user_agent=CHROME),
        actor=UserFactory(),
    )

    response = client.get("/api/activity/", headers=headers | {"Accept-Language": "ko"})

    assert response.status_code == 200
    assert response.json() == {
        "next": None,
        "previous": None,
        "results": [
            {
                "id": ANY,
                "type": "password.changed",
                "text": "비밀번호 변경",
                "reason": "",
                "reason_text": "",
                "is_alarming": False,
                "sid": None,
                "amr": [],
                "client": "Chrome · Windows",
                "ip": "192.0.2.7",
                "place": "서울, 대한민국",
                "is_by_administrator": True,
                "can_be_denied": False,
                "created_at": ANY,
            },
            {
                "id": ANY,
                "type": "login.succeeded",
                "text": "로그인",
                "reason": "",
                "reason_text": "",
                "is_alarming": False,
                "sid": pair["sid"],
                "amr": ["pwd"],
                "client": ANY,
                "ip": "127.0.0.1",
                "place": "",
                "is_by_administrator": False,
                "can_be_denied": False,
                "created_at": ANY,
            },
        ],
    }
    assert response.json()["results"][0]["created_at"].endswith("Z")


def test_events_of_others_are_not_listed(client, headers):
    trail.record(AuditEvent.Type.PASSWORD_CHANGED, user=UserFactory())
    trail.record(AuditEvent.Type.LOGIN_FAILED, identifier="nobody@example.com")

    response = client.get("/api/activity/", headers=headers)

    assert [row["type"] for row in response.json()["results"]] == ["login.succeeded"]


@pytest.mark.slow
def test_a_thousand_events_cost_as_many_statements_as_one(client, headers, user):
    with CaptureQueriesContext(connection) as one:
        client.get("/api/activity/", {"limit": 100}, headers=headers)
    for _ in range(1000):
        trail.record(AuditEvent.Type.LOGIN_FAILED, user=user)

    with CaptureQueriesContext(connection) as many:
        first = client.get("/api/activity/", {"limit": 100}, headers=headers).json()
    second = client.get(first["next"], headers=headers).json()

    assert len(many) == len(one)
    assert len(first["results"]) == 100
    assert not {row["id"] for row in first["results"]} & {row["id"] for row in second["results"]}


def test_nothing_is_changed_by_a_post(client, headers):
    assert client.post("/api/activity/", headers=headers).status_code == 405
