"""Services that verify tokens themselves follow the list of ended sign-ins."""

import base64
import threading
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone

from accounts.audit.vocabulary import RevokeReason
from accounts.signins import revocation_pages, revocations, sessions
from accounts.signins.models import AuthSession
from accounts.signins.revocation_pages import Cursor
from api import clients
from tests.kit.factories import AuthSessionFactory, UserFactory
from tests.kit.problems import invalid

PATH = "/api/revocations/"


@pytest.fixture
def ask(db, settings):
    settings.API_CLIENTS = {"gateway": clients.digest("secret")}
    basic = "Basic " + base64.b64encode(b"gateway:secret").decode()

    def run(cursor=None, *, authorization=basic, **headers):
        data = {} if cursor is None else {"cursor": cursor}
        return Client().get(PATH, data, headers={"authorization": authorization, **headers})

    return run


def end(session):
    assert sessions.revoke(session, reason=RevokeReason.LOGOUT)
    return str(session.pk)


def sids(response):
    assert response.status_code == 200
    return {row["sid"] for row in response.json()["revocations"]}


def test_an_ended_sign_in_is_listed_and_an_active_one_is_not(ask):
    ended, active = AuthSessionFactory.create_batch(2)
    end(ended)

    response = ask()

    assert sids(response) == {str(ended.pk)}
    assert response.json()["access_token_seconds"] == 3600
    assert response.json()["has_more"] is False
    assert response["Cache-Control"] == "no-store"
    assert str(active.pk) not in response.text


@pytest.mark.parametrize(
    "authorization", ["", "Basic eA==", "Bearer x", "Basic Z2F0ZXdheTp3cm9uZw=="]
)
def test_a_caller_without_credentials_learns_nothing(ask, authorization):
    end(AuthSessionFactory())

    response = ask(authorization=authorization)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Basic realm="revocations"'
    assert response.json()["error"] == "invalid_client"


def test_a_cursor_leads_to_later_ends_and_leaves_none_out(ask):
    cursor = ask().json()["cursor"]
    listed = set()
    ended = set()
    for _ in range(3):
        ended.add(end(AuthSessionFactory()))
        response = ask(cursor)
        listed |= sids(response)
        cursor = response.json()["cursor"]

    assert listed == ended


def test_ends_of_before_the_last_lifetime_of_a_token_are_left_out(ask):
    old = AuthSessionFactory(
        revoked_at=timezone.now() - timedelta(hours=3), revoked_reason="logout"
    )
    cursor = str(Cursor(timezone.now() - timedelta(days=365)))

    assert str(old.pk) not in sids(ask())
    assert str(old.pk) not in sids(ask(cursor))


def test_a_cursor_of_the_future_leaves_nothing_out(ask):
    cursor = str(Cursor(timezone.now() + timedelta(days=365)))
    response = ask(cursor)
    ended = end(AuthSessionFactory())

    assert ended in sids(ask(response.json()["cursor"]))


def test_the_same_list_is_not_sent_again(ask):
    end(AuthSessionFactory())
    first = ask()
    cursor = first.json()["cursor"]

    same = ask(cursor, **{"if-none-match": first["ETag"]})
    end(AuthSessionFactory())
    other = ask(cursor, **{"if-none-match": first["ETag"]})

    assert (same.status_code, same.content, same["ETag"]) == (304, b"", first["ETag"])
    assert len(sids(other)) == 2


def test_pages_list_all_though_they_ended_at_one_moment(ask, monkeypatch):
    monkeypatch.setattr(revocation_pages.page, "__kwdefaults__", {"size": 4})
    user = UserFactory()
    AuthSessionFactory.create_batch(11, user=user)
    sessions.revoke_all(user, reason=RevokeReason.ADMIN)
    pages = [ask().json()]
    while pages[-1]["has_more"]:
        pages.append(ask(pages[-1]["cursor"]).json())

    listed = [UUID(row["sid"]) for page in pages for row in page["revocations"]]
    assert len(pages) == 3
    assert sorted(listed) == sorted(AuthSession.objects.values_list("pk", flat=True))


def test_what_ends_between_two_pages_is_listed_next_time(db, monkeypatch):
    now = timezone.now()
    moments = iter([now, now + timedelta(minutes=30), now + timedelta(minutes=30)])
    monkeypatch.setattr(revocations, "committed_until", lambda: next(moments))
    for number in (2, 3, 4):
        AuthSessionFactory(pk=UUID(int=number), revoked_at=now, revoked_reason="logout")
    first = revocation_pages.page(None, size=2)
    meanwhile = now + timedelta(minutes=10)
    AuthSessionFactory(pk=UUID(int=1), revoked_at=meanwhile, revoked_reason="logout")
    second = revocation_pages.page(first.next, size=2)
    third = revocation_pages.page(second.next, size=10)

    assert (first.has_more, second.has_more) == (True, False)
    assert UUID(int=1) not in {sid for sid, _ in first.ended + second.ended}
    assert UUID(int=1) in {sid for sid, _ in third.ended}


@pytest.mark.django_db(transaction=True)
def test_an_end_that_commits_late_is_listed_after_an_earlier_cursor(ask):
    """`revoked_at` is the time of the statement: the row becomes visible only later."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer, and its horizon lies ten minutes back")
    session = AuthSessionFactory()
    ended, asked = threading.Event(), threading.Event()

    def end_slowly():
        try:
            with transaction.atomic():
                end(session)
                ended.set()
                asked.wait(20)
        finally:
            connections.close_all()

    thread = threading.Thread(target=end_slowly)
    thread.start()
    assert ended.wait(20)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        before = ask()
    asked.set()
    thread.join()

    assert sids(before) == set()
    assert sids(ask(before.json()["cursor"])) == {str(session.pk)}


@pytest.mark.parametrize("cursor", ["", "a", "1-2", "1-2-3", "-1", "9" * 17, "1\n", "\u0661"])
def test_a_faulty_cursor_is_refused(ask, cursor):
    response = ask(cursor)

    assert response.status_code == 400
    assert response.json() == invalid(("/cursor", "invalid")) | {"error": "invalid_request"}


def test_a_repeated_cursor_is_refused(ask):
    assert ask(["1", "2"]).status_code == 400


def test_a_page_costs_two_statements(ask, django_assert_num_queries):
    end(AuthSessionFactory())

    with django_assert_num_queries(2):
        ask()
