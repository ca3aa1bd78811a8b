"""No door and no check of a sign-in reads the replica; the panel's lists do.

A lagging replica would let an ended sign-in in. Here the replica is a port that counts who connects.
"""

import pytest
from django.db import connection, connections

from accounts import replica
from accounts.signins.models import AuthSession
from tests.kit.clients import bearer
from tests.kit.doors import DOORS, PASSKEY_DOORS, Site, post
from tests.kit.factories import PASSWORD
from tests.kit.operators import panel
from tests.kit.replicas import Listener, replica_at

EVENTS = "/admin/accounts/auditevent/"
PANEL = [
    EVENTS,
    "/admin/accounts/user/",
    "/admin/accounts/authsession/",
    "/admin/search/?q=someone",
]
on_postgres = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has no replica, so nothing is asked"
)
WALKS = [(address, walk) for address, walks in DOORS.items() for walk in walks]
ALONE = [(address, walk) for address, walks in PASSKEY_DOORS.items() for walk in walks]


@pytest.fixture
def site(owner, google, kakao, naver, walk, prove, send, deliver, visitor, settings):
    return Site(owner, google, kakao, naver, walk, prove, send, deliver, visitor, settings)


@pytest.fixture
def asked(db):
    """Set up a replica that only counts; return it."""
    listener = Listener()
    with replica_at(listener.url):
        yield listener
    listener.close()


@pytest.mark.parametrize(
    "door", [walk for _, walk in WALKS], ids=[f"{at} {walk.__name__}" for at, walk in WALKS]
)
def test_no_door_reads_the_replica(site, asked, door):
    site.has_factors = False
    door(site)

    assert AuthSession.objects.filter(revoked_at=None).exists()
    assert asked.calls == 0


@pytest.mark.parametrize("door", [walk for _, walk in ALONE])
def test_no_passkey_door_reads_the_replica(site, asked, door):
    site.enrol()
    door(site)

    assert AuthSession.objects.filter(revoked_at=None).exists()
    assert asked.calls == 0


def test_no_check_of_a_sign_in_reads_the_replica(asked, client, user):
    pair = post(client, "/api/token/", {"email": user.email, "password": PASSWORD}).json()
    access = {"headers": bearer(pair["access"])}

    calls = [
        client.get("/api/verify", **access),
        client.get("/api/me/", **access),
        client.get("/api/sessions/", **access),
        client.get("/api/activity/", **access),
        post(client, "/api/token/refresh/", {"refresh": pair["refresh"]}),
        post(client, "/api/token/revoke/", {"token": pair["refresh"]}),
        client.get("/api/me/", **access),
    ]

    assert [call.status_code for call in calls] == [204, 200, 200, 200, 200, 200, 401]
    assert asked.calls == 0


@on_postgres
@pytest.mark.parametrize("path", PANEL)
def test_the_panels_lists_ask_the_replica(asked, path):
    """Without this, the tests above would show nothing. It fails, so the list is the primary's."""
    page = panel("superuser").get(path)

    assert page.status_code == 200
    assert asked.calls == 1
    assert "behind" not in page.text


@on_postgres
def test_the_replica_is_avoided_after_a_failure(asked):
    browser = panel("superuser")

    for _ in range(3):
        assert browser.get(EVENTS).status_code == 200

    assert asked.calls == 1


@on_postgres
@pytest.mark.parametrize("path", PANEL)
def test_a_list_from_the_replica_says_how_old_it_is(db, monkeypatch, path):
    """The replica is the tests' own PostgreSQL. `tests/accounts/test_replica.py` measures a real lag."""
    configured = connection.settings_dict
    monkeypatch.setattr(replica, "behind", lambda: 2.4)
    browser = panel("superuser")

    with replica_at(f"postgres://postgres@127.0.0.1:{configured['PORT']}/{configured['NAME']}"):
        page = browser.get(path)

    assert page.status_code == 200
    text = "From a copy of the database that is 3 s behind. Actions use the database itself."
    assert text in page.text


def test_without_a_replica_the_lists_are_the_primarys(db):
    assert list(connections.settings) == ["default"]

    page = panel("superuser").get(EVENTS)

    assert page.status_code == 200
    assert "s behind" not in page.text
