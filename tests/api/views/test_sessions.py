"""Test `/api/sessions/`: it lists and ends the caller's signed-in devices."""

import base64
from datetime import timedelta
from unittest.mock import ANY
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.signins.models import AuthSession
from tests.kit.clients import bearer
from tests.kit.factories import AuthSessionFactory, UserFactory
from tests.kit.problems import problem


@pytest.fixture
def headers(pair):
    return bearer(pair["access"])


def test_each_device_is_listed_with_these_fields(client, headers, pair, user):
    browser = AuthSessionFactory(
        user=user, ip="192.0.2.7", created_at=timezone.now() - timedelta(days=1)
    )

    response = client.get("/api/sessions/", headers=headers)

    assert response.status_code == 200
    assert response.json() == {
        "next": None,
        "previous": None,
        "results": [
            {
                "sid": pair["sid"],
                "kind": "token",
                "client": ANY,
                "ip": "127.0.0.1",
                "place": "",
                "amr": ["pwd"],
                "auth_time": ANY,
                "created_at": ANY,
                "last_seen_at": ANY,
                "expires_at": ANY,
                "is_current": True,
            },
            {
                "sid": str(browser.pk),
                "kind": "browser",
                "client": "curl",
                "ip": "192.0.2.7",
                "place": "",
                "amr": [],
                "auth_time": ANY,
                "created_at": ANY,
                "last_seen_at": ANY,
                "expires_at": ANY,
                "is_current": False,
            },
        ],
    }
    assert response.json()["results"][0]["created_at"].endswith("Z")


def test_ended_expired_and_other_users_sign_ins_are_not_listed(client, headers, pair, user):
    AuthSessionFactory()
    AuthSessionFactory(user=user, revoked=True)
    AuthSessionFactory(user=user, expires_at=timezone.now() - timedelta(seconds=1))

    response = client.get("/api/sessions/", headers=headers)

    assert [row["sid"] for row in response.json()["results"]] == [pair["sid"]]


def test_markup_in_a_device_name_is_only_text(client, headers, user):
    AuthSessionFactory(user=user, user_agent="<script>alert(1)</script>")

    response = client.get("/api/sessions/", headers=headers)

    assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("limit", "rows"),
    [("1", 1), ("2", 2), ("100", 25)],
)
def test_limit_bounds_a_page(client, headers, user, limit, rows):
    AuthSessionFactory.create_batch(24, user=user)

    response = client.get("/api/sessions/", {"limit": limit}, headers=headers)

    assert response.status_code == 200
    assert len(response.json()["results"]) == rows


@pytest.mark.parametrize("limit", ["1000", "101", "0", "-1", "x", "null"])
def test_another_limit_is_refused(client, headers, limit):
    response = client.get("/api/sessions/", {"limit": limit}, headers=headers)

    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == ["/limit"]


def test_a_page_holds_a_hundred_at_most(client, headers, user):
    AuthSessionFactory.create_batch(101, user=user)

    response = client.get("/api/sessions/", {"limit": "100"}, headers=headers)

    assert len(response.json()["results"]) == 100


def test_pages_have_no_gap_and_no_repeat(client, headers, user):
    same_moment = timezone.now() - timedelta(hours=1)
    AuthSessionFactory.create_batch(6, user=user, created_at=same_moment)
    seen, address = [], "/api/sessions/?limit=2"

    while address:
        page = client.get(address, headers=headers).json()
        seen += [row["sid"] for row in page["results"]]
        address = page["next"]

    expected = AuthSession.objects.filter(user=user).order_by("-created_at", "-id")
    assert seen == [str(row.pk) for row in expected]


def cursor(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "value",
    [
        "x",
        "%%%",
        "é",
        "\x00",
        "=" * 2000,
        cursor("p=garbage"),
        cursor("p=\x00"),
        cursor("p=2026-13-45"),
        cursor("p=99999-01-01 00:00:00"),
        cursor("o=-5&p=2026-01-01"),
        cursor("o=x"),
        cursor(f"o={'9' * 30}&p=2026-01-01T00:00:00Z"),
        cursor("r=1"),
        cursor("r=1&p=garbage"),
    ],
    ids=repr,
)
def test_an_invented_cursor_is_no_server_error(client, headers, value):
    client.raise_request_exception = False

    response = client.get("/api/sessions/", {"cursor": value}, headers=headers)

    assert response.status_code in {200, 404}
    if response.status_code == 404:
        assert response.json() == problem(404, "not_found")


@pytest.mark.parametrize("others", [0, 20])
def test_a_page_costs_one_query_at_any_length(
    client, headers, user, fresh_feed, django_assert_num_queries, others
):
    AuthSessionFactory.create_batch(others, user=user)

    with django_assert_num_queries(1):
        response = client.get("/api/sessions/", headers=headers)

    assert response.status_code == 200


def test_another_device_is_ended(client, headers, pair, user):
    other = AuthSessionFactory(user=user, token=True)

    response = client.delete(f"/api/sessions/{other.pk}/", headers=headers)

    assert (response.status_code, response.content) == (204, b"")
    other.refresh_from_db()
    assert other.revoked_reason == "other_device"
    event = AuditEvent.objects.get(type="session.revoked")
    assert (event.user, event.sid, event.reason, event.ip) == (
        user,
        other.pk,
        "other_device",
        "127.0.0.1",
    )
    assert client.get("/api/me/", headers=headers).status_code == 200


def test_this_device_is_signed_out(client, headers, pair):
    response = client.delete(f"/api/sessions/{pair['sid']}/", headers=headers)

    assert response.status_code == 204
    assert AuthSession.objects.get().revoked_reason == "logout"
    assert client.get("/api/me/", headers=headers).status_code == 401


def test_an_ended_browser_is_signed_out(client, headers, signed_in, user):
    browsers = AuthSession.objects.get(kind="browser")

    client.delete(f"/api/sessions/{browsers.pk}/", headers=headers)

    assert signed_in.get("/api/me/").status_code == 401
    assert signed_in.get("/accounts/email/").status_code == 302


@pytest.mark.parametrize("whose", ["a stranger's", "nobody's", "an ended one"])
def test_an_ended_or_other_users_device_is_not_found(client, headers, user, whose):
    sid = {
        "a stranger's": lambda: AuthSessionFactory().pk,
        "nobody's": uuid4,
        "an ended one": lambda: AuthSessionFactory(user=user, revoked=True).pk,
    }[whose]()

    response = client.delete(f"/api/sessions/{sid}/", headers=headers)

    assert response.status_code == 404
    assert response.json() == problem(404, "not_found")


def test_a_strangers_device_stays_signed_in(client, headers):
    strangers = AuthSessionFactory()

    client.delete(f"/api/sessions/{strangers.pk}/", headers=headers)

    strangers.refresh_from_db()
    assert strangers.revoked_at is None
    assert not AuditEvent.objects.filter(type="session.revoked").exists()


def test_ending_a_device_twice_is_not_found(client, headers, user):
    other = AuthSessionFactory(user=user)
    client.delete(f"/api/sessions/{other.pk}/", headers=headers)

    response = client.delete(f"/api/sessions/{other.pk}/", headers=headers)

    assert response.status_code == 404
    assert AuditEvent.objects.filter(type="session.revoked").count() == 1


def test_a_staff_member_cannot_end_another_users_device(client, obtain, db):
    strangers = AuthSessionFactory()
    headers = bearer(obtain(UserFactory(admin=True))["access"])

    response = client.delete(f"/api/sessions/{strangers.pk}/", headers=headers)

    assert response.status_code == 404


def test_all_others_end_at_once(client, headers, pair, user):
    others = AuthSessionFactory.create_batch(3, user=user)
    stranger = AuthSessionFactory()

    response = client.delete("/api/sessions/", headers=headers)

    assert (response.status_code, response.content) == (204, b"")
    open_now = AuthSession.objects.filter(revoked_at=None).values_list("pk", flat=True)
    assert {str(pk) for pk in open_now} == {pair["sid"], str(stranger.pk)}
    ended = AuditEvent.objects.filter(type="session.revoked", reason="other_device")
    assert {event.sid for event in ended} == {other.pk for other in others}


def test_a_cookie_ends_all_others_only_with_the_csrf_token(user):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    AuthSessionFactory(user=user)

    response = browser.delete("/api/sessions/")

    assert response.status_code == 403
    assert AuthSession.objects.filter(user=user, revoked_at=None).count() == 2
