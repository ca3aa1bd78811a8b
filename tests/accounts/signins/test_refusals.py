"""A refused refresh counts for its token if we signed it, otherwise for its network. A good one doesn't."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_redis import get_redis_connection

from accounts.errors import TooManyRequestsError
from accounts.signins import refusals, sessions
from accounts.signins.models import AuthSession
from api.tokens import jwts
from tests.kit.outage import without_redis
from tests.kit.problems import problem

API, HEADLESS = "/api/token/refresh/", "/_allauth/app/v1/tokens/refresh"


@pytest.fixture(autouse=True)
def few(settings):
    settings.LIMITS = settings.LIMITS | {"refresh": (3, 60), "refresh_token": (2, 60)}


def refresh(token="garbage", path=API, ip="127.0.0.1", **headers):
    name = "refresh_token" if path == HEADLESS else "refresh"
    return Client().post(
        path, {name: token}, content_type="application/json", headers=headers, REMOTE_ADDR=ip
    )


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "refused"), [(API, 401), (HEADLESS, 400)])
def test_garbage_is_refused_by_its_network(path, refused):
    statuses = [refresh(path=path).status_code for _ in range(5)]

    assert statuses == [refused] * 3 + [429] * 2
    assert refresh(path=path, ip="192.0.2.9").status_code == refused


@pytest.mark.django_db
def test_both_doors_count_together():
    for _ in range(3):
        refresh()

    assert refresh(path=HEADLESS).status_code == 429


@pytest.mark.django_db
@pytest.mark.parametrize("path", [API, HEADLESS])
def test_a_refusal_is_a_problem_that_says_when(path):
    for _ in range(3):
        refresh(path=path)

    response = refresh(path=path, origin="https://app.example.com")

    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == problem(429, "too_many_requests") | {
        "detail": response.json()["detail"]
    }
    assert 55 < int(response["Retry-After"]) <= 60
    assert response["Cache-Control"] == "no-store"
    assert response["Access-Control-Allow-Origin"] == "https://app.example.com"


def test_good_tokens_are_free_also_beside_a_flood_of_garbage(pair):
    for _ in range(9):
        refresh()
    token, now = pair["refresh"], timezone.now()

    with time_machine.travel(now, tick=False) as clock:
        for _ in range(9):
            clock.shift(timedelta(seconds=1))
            answer = refresh(token)
            token = answer.json()["refresh"]

    assert answer.status_code == 200


def test_a_good_refresh_leaves_no_count(pair):
    refresh(pair["refresh"])

    assert not list(get_redis_connection("default").scan_iter("attempts:*"))


def test_a_token_that_we_signed_counts_for_itself(pair, obtain, user):
    sessions.revoke_all(user, reason=sessions.Reason.LOGOUT)
    dead = [refresh(pair["refresh"]).status_code for _ in range(4)]

    assert dead == [401, 401, 429, 429]
    assert refresh(obtain(user)["refresh"]).status_code == 200
    assert [refresh().status_code for _ in range(3)] == [401] * 3  # the network's limit is unused


def test_an_expired_token_counts_for_itself(pair):
    with time_machine.travel(timezone.now() + timedelta(days=15)):
        statuses = [refresh(pair["refresh"]).status_code for _ in range(3)]

    assert statuses == [401, 401, 429]
    assert refresh().status_code == 401


def test_a_token_that_is_refused_so_often_costs_no_statement(pair, user):
    sessions.revoke_all(user, reason=sessions.Reason.LOGOUT)
    for _ in range(3):
        refresh(pair["refresh"])

    with CaptureQueriesContext(connection) as sql:
        response = refresh(pair["refresh"])

    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 61
    assert not len(sql)


def test_a_refused_token_does_not_stop_the_next_of_its_sign_in(pair):
    """A thief has an old token. Its refusals do not count for the owner's token."""
    session = AuthSession.objects.get()
    for _ in range(2):
        refusals.count(f"{session.pk}:old", network="192.0.2.1")
    with pytest.raises(TooManyRequestsError):
        refusals.count(f"{session.pk}:old", network="192.0.2.1")

    assert refresh(jwts.pair(session)["refresh"]).status_code == 200


@pytest.mark.parametrize("path", [API, HEADLESS])
def test_a_thief_without_the_access_token_does_not_stop_the_owner(pair, user, obtain, path):
    """The thief has the refresh token only, and sends it with another access token."""
    other = obtain(user)["access"]
    for _ in range(5):
        Client().post(
            API, {"refresh": pair["refresh"], "access": other}, content_type="application/json"
        )

    assert refresh(pair["refresh"], path=path).status_code == 200


def test_a_refused_pair_counts_for_its_network(pair, user, obtain):
    body = {"refresh": pair["refresh"], "access": obtain(user)["access"]}

    answers = [
        Client().post(API, body, content_type="application/json").status_code for _ in range(5)
    ]

    assert answers == [401] * 3 + [429] * 2


@pytest.mark.django_db
def test_without_redis_garbage_is_just_refused(settings):
    for _ in range(4):
        refresh()

    with without_redis(settings):
        assert refresh().status_code == 401
