"""Test that each door and each store notes what happens, under labels with few values."""

import json
import time
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import get_resolver
from redis.exceptions import ConnectionError as RedisConnectionError

from accounts import metrics, routes
from accounts.bell import Topic
from accounts.factors.registry import FACTORS  # noqa: F401 - fills the registry
from accounts.federation.errors import ProviderUnavailableError
from accounts.federation.wire import fetch
from accounts.federation.wire import outage as providers
from accounts.live.hub import Hub
from accounts.outbox import jobs
from accounts.signins.revocations import Feed
from accounts.store import clocks
from config.metrics import recording
from tests.kit.bell import StoppableBell
from tests.kit.clients import sign_in
from tests.kit.factories import AuthSessionFactory
from tests.kit.two_ways import Call, by_site


def noted(notes, metric):
    """Return the labels that were noted for this metric."""
    return [labels for name, labels, _ in notes if name == metric.name]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", ["page", "api", "app"])
def test_a_sign_in_is_counted_by_its_method(notes, user, client, door):
    sign_in(client, user, door=door)

    assert noted(notes, metrics.SIGN_INS) == [("password", "succeeded")]
    assert ("login.succeeded",) in noted(notes, metrics.AUDIT_EVENTS)


@pytest.mark.django_db(transaction=True)
def test_a_failed_sign_in_is_counted_by_its_reason(notes, user, client):
    sign_in(client, user, "wrong", door="api")

    assert noted(notes, metrics.SIGN_INS) == [("password", "wrong_password")]


@pytest.mark.django_db
def test_an_event_that_is_rolled_back_is_not_counted(notes, user, client):
    sign_in(client, user, door="api")  # inside the transaction of this test, which never commits

    assert noted(notes, metrics.SIGN_INS) == []


@pytest.mark.parametrize(
    ("amr", "method"),
    [
        (["pwd"], "password"),
        (["pwd", "pop", "mfa"], "password"),
        (["google"], "google"),
        (["kakao", "otp", "mfa"], "kakao"),
        (["pop", "user", "mfa"], "passkey"),
        (["hwk", "user"], "passkey"),
        (["otp"], "code"),
        (["something new"], "unknown"),
        ([], "unknown"),
    ],
)
def test_the_first_step_names_the_method(amr, method):
    assert recording.method_of(amr) == method


def refresh(post, token):
    return post("/api/token/refresh/", {"refresh": token})


@pytest.mark.django_db
def test_a_refresh_and_its_repeat_are_counted(notes, pair, post):
    refresh(post, pair["refresh"])
    refresh(post, pair["refresh"])

    assert noted(notes, metrics.REFRESHES) == [("rotated",), ("repeated",)]


@pytest.mark.django_db(transaction=True)
def test_a_reused_refresh_token_is_counted(notes, pair, post, settings):
    settings.REFRESH_GRACE = timedelta(0)
    following = refresh(post, pair["refresh"]).json()
    refresh(post, following["refresh"])
    notes.clear()

    refresh(post, pair["refresh"])

    assert noted(notes, metrics.REFRESHES) == [("refresh_reused",)]
    assert ("refresh_token.reused",) in noted(notes, metrics.AUDIT_EVENTS)


@pytest.mark.django_db
def test_garbage_instead_of_a_refresh_token_is_counted(notes, post):
    refresh(post, "garbage")

    assert noted(notes, metrics.REFRESHES) == [("invalid_token",)]


@pytest.mark.django_db
def test_a_request_is_measured_under_the_name_of_its_route(notes, client):
    client.get("/accounts/login/?next=/secret")
    client.get("/accounts/password/reset/key/4-secret/")
    client.get("/api/me/")
    client.get("/nobody-knows/somebody@example.com")

    assert noted(notes, metrics.REQUESTS) == [
        ("account_login", "2xx"),
        ("account_reset_password_from_key", "2xx"),
        ("api:me", "4xx"),
        ("none", "4xx"),
    ]


def test_the_names_of_routes_hold_no_part_of_a_request():
    names = {pattern.name for pattern in routes.views_in(get_resolver().url_patterns)}

    assert len(names) > 50
    assert not [
        name for name in names if name and not name.replace("_", "").replace("-", "").isalnum()
    ]


@pytest.mark.django_db
def test_a_checked_bearer_token_is_measured(notes, pair):
    for token in (pair["access"], "x"):
        call = Call("GET", "/api/verify", more={"HTTP_AUTHORIZATION": f"Bearer {token}"})
        by_site(call.environ())

    assert noted(notes, metrics.REQUESTS) == [("api:verify", "2xx"), ("api:verify", "4xx")]


@pytest.mark.django_db
def test_refusals_are_counted_by_their_limit(notes, user, client):
    for _ in range(6):
        sign_in(client, user, "wrong", door="api")

    assert noted(notes, metrics.RATE_LIMITED) == [("sign_in_account",)]


@pytest.mark.django_db
def test_refusals_of_allauth_are_counted_by_their_action(notes, user, settings):
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"reset_password": "1/60s/ip"}
    for _ in range(2):
        Client().post("/accounts/password/reset/", {"email": "a@example.com"})

    assert noted(notes, metrics.RATE_LIMITED) == [("reset_password",)]


def test_an_outage_of_redis_is_counted_and_measured(notes):
    clock = clocks.Clock("session reads", "sessions")
    clock.failed(RedisConnectionError("away"))
    clock.failed(RedisConnectionError("away"))
    clock.succeeded()
    clock.succeeded()

    assert notes[:2] == [
        ("munjigi_redis_down", ("session reads",), 1.0),
        ("munjigi_redis_down", ("session reads",), 0),
    ]
    assert noted(notes[2:], metrics.REDIS_STALLS) == [("session reads",)]
    assert 0 <= notes[2][2] < 5


@pytest.mark.django_db
def test_an_end_that_the_bell_brings_is_measured(notes, user, monkeypatch):
    source = StoppableBell()
    session = AuthSessionFactory(user=user)
    sent = json.dumps({"topic": Topic.SESSIONS, "ids": [str(session.pk)], "at": time.time() - 2})

    source._note({"type": "message", "data": sent})

    assert noted(notes, metrics.REVOCATION_AGE) == [("bell",)]
    assert 2 <= notes[0][2] < 10


@pytest.mark.parametrize("at", ["", ', "at": "soon"', ', "at": null', ', "at": true'])
def test_a_message_without_a_time_is_heard_and_not_measured(notes, at):
    source = StoppableBell()
    heard = []
    source.subscribe(Topic.SESSIONS, heard.append)

    source._note({"type": "message", "data": '{"topic": "sessions", "ids": ["a"]%s}' % at})

    assert heard == [["a"]]
    assert notes == []


@pytest.mark.django_db
def test_an_end_that_only_the_database_tells_is_measured_once(notes, user):
    feed = Feed(StoppableBell(), background=False)
    AuthSessionFactory(user=user, revoked=True)  # before the process began
    feed.poll()
    AuthSessionFactory(user=user, revoked=True)

    feed.poll()
    feed.poll()

    assert noted(notes, metrics.REVOCATION_AGE) == [("poll",)]


@pytest.mark.django_db
@pytest.mark.parametrize(("do", "outcome"), [(lambda _: None, "done"), (lambda _: 1 / 0, "failed")])
def test_jobs_are_counted_by_their_outcome(notes, do, outcome, monkeypatch):
    handler = jobs._handlers["mail"]
    monkeypatch.setattr(handler, "do", do)
    job = jobs.enqueue("mail", {"to": ["a@example.com"], "subject": "x"})

    jobs.run(job.pk)

    assert noted(notes, metrics.JOBS) == [("mail", outcome)]


@pytest.mark.django_db
def test_a_job_that_is_given_up_is_counted(notes, monkeypatch):
    def give_up(_):
        raise jobs.GiveUpError

    monkeypatch.setattr(jobs._handlers["mail"], "do", give_up)
    jobs.run(jobs.enqueue("mail", {"to": ["a@example.com"], "subject": "x"}).pk)

    assert noted(notes, metrics.JOBS) == [("mail", "given_up")]


def test_streams_are_counted_up_and_down(notes):
    hub = Hub(recheck=lambda sid: None)
    hub.reserve()
    hub.reserve()
    hub.release()

    assert sum(amount for name, _, amount in notes if name == metrics.STREAMS.name) == 1


def test_a_call_to_an_unknown_address_has_no_address_as_label(notes):
    with pytest.raises(ProviderUnavailableError):
        fetch.get("http://127.0.0.1:1/secret?token=1")

    assert noted(notes, metrics.PROVIDER_CALLS) == [("other", "failed")]


def test_calls_to_a_provider_are_counted_by_outcome(notes, settings):
    url = settings.SOCIALACCOUNT_PROVIDERS["kakao"]["PROFILE_URL"]
    for _ in range(providers.MAX_TIMEOUTS):
        call = providers.begin(url)
        call.failed(timed_out=True)
        call.leave()
    with pytest.raises(ProviderUnavailableError):
        providers.begin(url)
    providers.forget()
    providers.begin(url).answered()
    providers.forget()

    assert noted(notes, metrics.PROVIDER_CALLS) == [
        *[("kakao", "timed_out")] * providers.MAX_TIMEOUTS,
        ("kakao", "refused"),
        ("kakao", "answered"),
    ]


def test_nothing_listens_by_default():
    assert [metric.name for metric in metrics.ALL if metric.listener] == []
