"""Test the rate limits: processes share them, headers show them, a Redis outage opens them."""

import base64
import re
from dataclasses import replace
from urllib.parse import urlencode

import pytest
import time_machine
from django.test import Client
from django_redis import get_redis_connection

from accounts import routes
from accounts.store import outage
from api import clients
from tests.kit.outage import without_redis
from tests.kit.problems import problem

pytestmark = pytest.mark.usefixtures("early_in_a_window")
INTROSPECT = "/api/token/introspect/"


@pytest.fixture
def few(monkeypatch):
    """Allow three requests a minute."""
    limit_of = routes.limit_of

    def three(request):
        limit = limit_of(request)
        return limit and replace(limit, amount=3)

    monkeypatch.setattr(routes, "limit_of", three)


def ask(client=None, ip="127.0.0.1", **headers):
    """Ask for an introspection without credentials, which is refused."""
    return (client or Client()).post(
        INTROSPECT,
        urlencode({"token": "x"}),
        content_type="application/x-www-form-urlencoded",
        headers=headers,
        REMOTE_ADDR=ip,
    )


def test_answers_show_the_remaining_requests(db):
    first, second = ask(), ask()

    assert first.status_code == second.status_code == 401
    assert first["RateLimit-Policy"] == '"introspect";q=600;w=60'
    assert first["RateLimit"] == '"introspect";r=599;t=55'
    assert second["RateLimit"] == '"introspect";r=598;t=55'
    assert "Retry-After" not in first


def test_all_clients_of_one_address_share_a_limit(db, few):
    statuses = [ask(Client()).status_code for _ in range(3)]

    refused = ask(Client(headers={"user-agent": "another"}))

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


def test_a_refusal_is_a_problem_with_retry_after(db, few):
    for _ in range(3):
        ask()

    response = ask(origin="https://app.example.com")

    assert response.status_code == 429
    assert response.json() == problem(429, "too_many_requests")
    assert response["Content-Type"] == "application/problem+json"
    assert response["Retry-After"] == "55"
    assert response["RateLimit"] == '"introspect";r=0;t=55'
    assert response["Cache-Control"] == "no-store"
    assert response["Access-Control-Allow-Origin"] == "https://app.example.com"
    exposed = response["Access-Control-Expose-Headers"].lower()
    for name in ("ratelimit", "ratelimit-policy", "retry-after"):
        assert name in re.split(r",\s*", exposed)


def test_the_refusal_is_in_the_callers_language(db, few):
    for _ in range(3):
        ask()

    response = ask(**{"accept-language": "ko"})

    assert response["Content-Language"] == "ko"


def test_a_success_costs_nothing(pair, settings, few):
    secret = clients.fresh_secret()
    settings.API_CLIENTS = {"service": clients.digest(secret)}
    basic = base64.b64encode(f"service:{secret}".encode()).decode()
    for _ in range(5):
        ask()

    response = Client().post(
        INTROSPECT,
        urlencode({"token": pair["access"]}),
        content_type="application/x-www-form-urlencoded",
        headers={"authorization": f"Basic {basic}"},
    )

    assert response.status_code == 200
    assert "RateLimit" not in response
    assert ask().status_code == 429


def test_the_next_window_starts_at_zero(db, few, early_in_a_window):
    for _ in range(4):
        ask()

    with time_machine.travel(early_in_a_window + 56, tick=False):
        response = ask()

    assert response.status_code == 401
    assert response["RateLimit"] == '"introspect";r=2;t=59'


def test_addresses_are_counted_apart(db, few):
    for _ in range(4):
        ask(ip="192.0.2.1")

    assert ask(ip="192.0.2.1").status_code == 429
    assert ask(ip="192.0.2.2").status_code == 401
    assert ask(ip="2001:db8::1").status_code == 401


def test_without_a_trusted_proxy_a_forwarded_address_is_ignored(db, few):
    for number in range(4):
        ask(**{"x-forwarded-for": f"192.0.2.{number}"})

    assert ask(**{"x-forwarded-for": "192.0.2.99"}).status_code == 429


def test_behind_a_trusted_proxy_the_forwarded_address_counts(db, few, settings):
    settings.TRUSTED_PROXY_COUNT = 1
    for _ in range(4):
        ask(**{"x-forwarded-for": "192.0.2.1"})

    assert ask(**{"x-forwarded-for": "192.0.2.1"}).status_code == 429
    assert ask(**{"x-forwarded-for": "203.0.113.9, 192.0.2.1"}).status_code == 429
    assert ask(**{"x-forwarded-for": "192.0.2.2"}).status_code == 401


def test_each_limit_is_counted_apart(db, few):
    for _ in range(4):
        ask()

    response = Client().post("/accounts/kakao/unlinked/")

    assert response.status_code in {400, 401}
    assert response["RateLimit"].startswith('"report";r=2')


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/accounts/google/security-events/"),
        ("post", "/accounts/kakao/security-events/"),
        ("post", "/accounts/kakao/unlinked/"),
        ("get", "/accounts/kakao/unlinked/"),
    ],
)
def test_refused_reports_are_limited(method, path):
    response = getattr(Client(), method)(path)

    assert response["RateLimit-Policy"] == '"report";q=600;w=60'


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/verify", "/api/me/", "/accounts/login/", "/livez"])
def test_these_paths_are_not_limited(path):
    response = Client().get(path)

    assert "RateLimit" not in response


def test_no_request_is_throttled_while_redis_is_down(db, few, settings):
    for _ in range(4):
        ask()

    with without_redis(settings):
        assert ask().status_code == 401


def test_a_frozen_redis_delays_one_request_at_a_time(db, few, use_redis, make_redis):
    """The limit does not count the other requests, and they do not wait for Redis."""
    own_redis = use_redis(make_redis(), "default")
    own_redis.freeze()
    try:
        assert ask().status_code == 401
        with outage.cache.probe:  # another thread is asking
            began = outage.cache.down_since
            responses = [ask() for _ in range(20)]
    finally:
        own_redis.thaw()

    assert began is not None
    assert {response.status_code for response in responses} == {401}
    assert {response["RateLimit"].split(";t=")[0] for response in responses} == {'"introspect";r=3'}
    assert ask()["RateLimit"].startswith('"introspect";r=2')
    assert outage.cache.down_since is None


def test_counters_expire_by_themselves(db):
    ask()

    server = get_redis_connection("default")
    names = list(server.scan_iter("*throttle:introspect*"))
    assert names
    assert all(0 < server.ttl(name) <= 60 for name in names)
