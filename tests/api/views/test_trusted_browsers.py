"""Test `/api/trusted-browsers/`: it lists and ends the browsers that the caller's account trusts."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.signins.models import TrustedBrowser
from tests.kit.clients import CHROME, bearer
from tests.kit.factories import TrustedBrowserFactory


@pytest.fixture(autouse=True)
def thirty_days(settings):
    settings.MFA_TRUSTED_BROWSER_DAYS = 30


@pytest.fixture
def headers(pair):
    return bearer(pair["access"])


def test_each_trusted_browser_is_listed_with_these_fields(client, headers, user):
    row = TrustedBrowserFactory(user=user, ip="192.0.2.7", user_agent=CHROME)

    results = client.get("/api/trusted-browsers/", headers=headers).json()["results"]

    assert [set(each) for each in results] == [
        {"id", "client", "ip", "place", "created_at", "last_used_at", "expires_at"}
    ]
    assert results[0]["id"] == str(row.pk)
    assert (results[0]["client"], results[0]["ip"]) == ("Chrome · Windows", "192.0.2.7")
    assert results[0]["expires_at"].endswith("Z")


def test_void_old_and_other_users_rows_are_not_listed(client, headers, user):
    TrustedBrowserFactory()
    TrustedBrowserFactory(user=user, fingerprint="of another password")
    TrustedBrowserFactory(user=user, created_at=timezone.now() - timedelta(days=31))

    assert client.get("/api/trusted-browsers/", headers=headers).json()["results"] == []


def test_a_trusted_browser_is_ended(client, headers, user):
    path = f"/api/trusted-browsers/{TrustedBrowserFactory(user=user).pk}/"

    answers = [client.delete(path, headers=headers).status_code for _ in range(2)]

    assert answers == [204, 404]
    assert not TrustedBrowser.objects.exists()
    assert AuditEvent.objects.filter(type="trusted_browser.ended", user=user).count() == 1


def test_another_users_trusted_browser_stays(client, headers):
    row = TrustedBrowserFactory()

    assert client.delete(f"/api/trusted-browsers/{row.pk}/", headers=headers).status_code == 404
    assert TrustedBrowser.objects.exists()


@pytest.mark.django_db
def test_a_visitor_sees_and_ends_nothing(client):
    row = TrustedBrowserFactory()

    assert client.get("/api/trusted-browsers/").status_code == 401
    assert client.delete(f"/api/trusted-browsers/{row.pk}/").status_code == 401
    assert TrustedBrowser.objects.exists()
