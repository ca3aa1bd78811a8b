"""Test the rate limits: processes share them, headers show them, a Redis outage opens them."""

import re
import time
from dataclasses import replace
from urllib.parse import urlencode

import pytest
import time_machine
from django.test import Client
from django_redis import get_redis_connection

from accounts import routes
from accounts.store import outage
from tests.kit.outage import without_redis
from tests.kit.problems import problem

REFRESH = "/api/token/refresh/"
HEADLESS = "/_allauth/app/v1/tokens/refresh"
PROVIDER = "/_allauth/app/v1/auth/provider/token"


@pytest.fixture(autouse=True)
def early_in_a_window():
    """Stop the clock early in a window, so that no window ends during a test."""
    start = time.time() // 60 * 60 + 5
    with time_machine.travel(start, tick=False):
        yield start


@pytest.fixture
def few(monkeypatch):
    """Allow three requests a minute."""
    limit_of = routes.limit_of

    def three(request):
        limit = limit_of(request)
        return limit and replace(limit, amount=3)

    monkeypatch.setattr(routes, "limit_of", three)


def refresh(client=None, path=REFRESH, ip="127.0.0.1", **headers):
    name = "refresh_token" if path == HEADLESS else "refresh"
    return (client or Client()).post(
        path,
        {name: "x"},
        content_type="application/json",
        headers=headers,
        REMOTE_ADDR=ip,
    )


def test_answers_show_the_remaining_requests(db):
    first, second = refresh(), refresh()

    assert first.status_code == second.status_code == 401
    assert first["RateLimit-Policy"] == '"refresh";q=120;w=60'
    assert first["RateLimit"] == '"refresh";r=119;t=55'
    assert second["RateLimit"] == '"refresh";r=118;t=55'
    assert "Retry-After" not in first


def test_all_clients_of_one_address_share_a_limit(db, few):
    statuses = [refresh(Client()).status_code for _ in range(3)]

    refused = refresh(Client(headers={"user-agent": "another"}))

    assert statuses == [401] * 3
    assert refused.status_code == 429


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/google/security-events/",
        "/accounts/kakao/security-events/",
        "/accounts/kakao/unlinked/",
    ],
)
def test_guesses_at_a_provider_door_are_throttled(db, few, path):
    answers = [Client().post(path) for _ in range(4)]

    assert [one.status_code for one in answers[:3]] == [answers[0].status_code] * 3
    assert answers[0].status_code in {400, 401}
    assert answers[3].status_code == 429
    assert answers[3]["Content-Type"] == "application/problem+json"


def test_both_refresh_endpoints_share_the_limit(db, few):
    refresh()
    refresh(path=HEADLESS)
    refresh()

    assert refresh(path=HEADLESS).status_code == 429
    assert refresh().status_code == 429


def test_a_refusal_is_a_problem_with_retry_after(db, few):
    for _ in range(3):
        refresh()

    response = refresh(origin="https://app.example.com")

    assert response.status_code == 429
    assert response.json() == problem(429, "too_many_requests")
    assert response["Content-Type"] == "application/problem+json"
    assert response["Retry-After"] == "55"
    assert response["RateLimit"] == '"refresh";r=0;t=55'
    assert response["Cache-Control"] == "no-store"
    assert response["Access-Control-Allow-Origin"] == "https://app.example.com"
    exposed = response["Access-Control-Expose-Headers"].lower()
    for name in ("ratelimit", "ratelimit-policy", "retry-after"):
        assert name in re.split(r",\s*", exposed)


def test_the_refusal_is_in_the_callers_language(db, few):
    for _ in range(3):
        refresh()

    response = refresh(**{"accept-language": "ko"})

    assert response["Content-Language"] == "ko"


def test_a_refused_request_does_nothing(obtain, user, few, django_assert_num_queries):
    pair = obtain(user)
    for _ in range(3):
        refresh()

    with django_assert_num_queries(0):
        response = Client().post(
            REFRESH, {"refresh": pair["refresh"]}, content_type="application/json"
        )

    assert response.status_code == 429


def test_the_next_window_starts_at_zero(db, few, early_in_a_window):
    for _ in range(4):
        refresh()

    with time_machine.travel(early_in_a_window + 56, tick=False):
        response = refresh()

    assert response.status_code == 401
    assert response["RateLimit"] == '"refresh";r=2;t=59'


def test_addresses_are_counted_apart(db, few):
    for _ in range(4):
        refresh(ip="192.0.2.1")

    assert refresh(ip="192.0.2.1").status_code == 429
    assert refresh(ip="192.0.2.2").status_code == 401
    assert refresh(ip="2001:db8::1").status_code == 401


def test_without_a_trusted_proxy_a_forwarded_address_is_ignored(db, few):
    for number in range(4):
        refresh(**{"x-forwarded-for": f"192.0.2.{number}"})

    assert refresh(**{"x-forwarded-for": "192.0.2.99"}).status_code == 429


def test_behind_a_trusted_proxy_the_forwarded_address_counts(db, few, settings):
    settings.TRUSTED_PROXY_COUNT = 1
    for _ in range(4):
        refresh(**{"x-forwarded-for": "192.0.2.1"})

    assert refresh(**{"x-forwarded-for": "192.0.2.1"}).status_code == 429
    assert refresh(**{"x-forwarded-for": "203.0.113.9, 192.0.2.1"}).status_code == 429
    assert refresh(**{"x-forwarded-for": "192.0.2.2"}).status_code == 401


def test_each_limit_is_counted_apart(db, few):
    for _ in range(4):
        refresh()

    response = Client().post(
        "/api/token/introspect/",
        urlencode({"token": "x"}),
        content_type="application/x-www-form-urlencoded",
    )

    assert response.status_code == 401
    assert response["RateLimit"].startswith('"introspect";r=2')


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "scope"),
    [
        (REFRESH, "refresh"),
        (HEADLESS, "refresh"),
        ("/api/token/introspect/", "introspect"),
        (PROVIDER, "social"),
        ("/_allauth/browser/v1/auth/provider/token", "social"),
        ("/_allauth/browser/v1/auth/provider/redirect", "social"),
        ("/accounts/google/login/", "social"),
        ("/accounts/kakao/login/", "social"),
        ("/accounts/google/login/callback/", "social"),
        ("/api/token/social/", "social"),
        ("/accounts/google/security-events/", "report"),
        ("/accounts/kakao/security-events/", "report"),
        ("/accounts/kakao/unlinked/", "report"),
    ],
)
def test_these_paths_are_limited(path, scope):
    response = Client(raise_request_exception=False).post(
        path, "{}", content_type="application/json"
    )

    assert response["RateLimit-Policy"].startswith(f'"{scope}";')


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "policy"),
    [
        ("/accounts/google/login/callback/", '"social";q=30;w=60'),
        ("/accounts/kakao/unlinked/", '"report";q=600;w=60'),
    ],
)
def test_get_requests_of_a_provider_are_limited(path, policy):
    assert Client().get(path)["RateLimit-Policy"] == policy


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/verify", "/api/me/", "/accounts/login/", "/livez"])
def test_these_paths_are_not_limited(path):
    response = Client().get(path)

    assert "RateLimit" not in response


def test_no_request_is_throttled_while_redis_is_down(obtain, user, few, settings):
    pair = obtain(user)
    for _ in range(4):
        refresh()

    with without_redis(settings):
        response = Client().post(
            REFRESH, {"refresh": pair["refresh"]}, content_type="application/json"
        )

    assert response.status_code == 200


def test_a_frozen_redis_delays_one_request_at_a_time(db, few, use_redis, make_redis):
    """The limit does not count the other requests, and they do not wait for Redis."""
    own_redis = use_redis(make_redis(), "default")
    own_redis.freeze()
    try:
        assert refresh().status_code == 401
        with outage.cache.probe:  # another thread is asking
            began = outage.cache.down_since
            responses = [refresh() for _ in range(20)]
    finally:
        own_redis.thaw()

    assert began is not None
    assert {response.status_code for response in responses} == {401}
    assert {response["RateLimit"].split(";t=")[0] for response in responses} == {'"refresh";r=3'}
    assert refresh()["RateLimit"].startswith('"refresh";r=2')
    assert outage.cache.down_since is None


def test_counters_expire_by_themselves(db):
    refresh()

    server = get_redis_connection("default")
    names = list(server.scan_iter("*throttle:refresh*"))
    assert names
    assert all(0 < server.ttl(name) <= 60 for name in names)
