"""Attempts by a provider that succeed are not counted. Floods get a 429 that says when to try again."""

import pytest
from django.test import Client
from django_redis import get_redis_connection

from tests.kit.clients import CHROME, is_signed_in
from tests.kit.outage import without_redis

pytestmark = pytest.mark.django_db
LOGIN, CALLBACK = "/accounts/kakao/login/", "/accounts/kakao/login/callback/"


@pytest.fixture(autouse=True)
def few(settings):
    settings.LIMITS = settings.LIMITS | {
        "social": (3, 60),
        "social_browser": (2, 60),
        "social_start": (4, 60),
    }


def new_browser():
    return Client(raise_request_exception=False, headers={"user-agent": CHROME})


def counts():
    return list(get_redis_connection("default").scan_iter("attempts:social*"))


def test_an_office_signs_in_as_often_as_it_likes(kakao, walk):
    for _ in range(9):
        browser = new_browser()
        walk(kakao, browser)
        assert is_signed_in(browser)

    assert not counts()


def test_one_browser_signs_in_as_often_as_it_likes(kakao, walk, visitor):
    for _ in range(9):
        walk(kakao)
        assert is_signed_in(visitor)

    assert not counts()


def test_a_sign_up_and_a_link_that_wait_cost_nothing(kakao, walk, owner):
    for identity in ("4012345673", None):
        for _ in range(5):
            walk(kakao, new_browser(), identity=identity)

    assert not counts()


def test_one_browser_begins_so_many_ways_only(kakao, visitor):
    visitor.get("/accounts/login/")
    answers = [visitor.post(LOGIN) for _ in range(4)]

    assert [each.status_code for each in answers] == [
        302,
        302,
        302,
        429,
    ]  # the first has no session
    assert 55 < int(answers[3]["Retry-After"]) <= 60
    assert new_browser().post(LOGIN).status_code == 302


@pytest.mark.parametrize(
    "path", [LOGIN, "/accounts/google/login/", "/_allauth/browser/v1/auth/provider/redirect"]
)
def test_one_address_begins_so_many_ways_only(kakao, google, path):
    form = {"provider": "kakao", "callback_url": "http://testserver/", "process": "login"}
    answers = [new_browser().post(path, form) for _ in range(5)]

    assert [each.status_code for each in answers] == [302] * 4 + [429]
    assert answers[4]["Retry-After"]
    assert new_browser().post(path, form, REMOTE_ADDR="192.0.2.9").status_code == 302


def test_garbage_at_the_callback_is_refused(kakao):
    answers = [new_browser().get(CALLBACK, {"state": "x", "code": "y"}) for _ in range(5)]

    assert [each.status_code for each in answers] == [401] * 3 + [429] * 2
    assert answers[4]["Retry-After"]


def test_a_flood_of_garbage_stops_nobody_else_behind_the_address(kakao, walk):
    for _ in range(9):
        new_browser().get(CALLBACK, {"state": "x", "code": "y"})
    browser = new_browser()

    walk(kakao, browser)

    assert is_signed_in(browser)


def test_a_cancelled_consent_is_no_refusal(kakao, walk):
    for number in range(4):
        browser = new_browser()
        start = browser.post(LOGIN, REMOTE_ADDR=f"192.0.2.{number}")
        answer = browser.get(kakao.consent(start["Location"], choice="cancel"))
        assert "cancelled" in answer["Location"]


@pytest.mark.parametrize("door", ["api", "app"])
def test_bad_tokens_are_refused_before_the_provider_is_asked(
    kakao, provider_settings, send, door, monkeypatch
):
    bad = {"id_token": "a.b.c"}
    answers = [send(door, kakao, bad) for _ in range(5)]

    assert [each.status_code for each in answers] == [401 if door == "api" else 400] * 3 + [429] * 2
    assert answers[4]["Content-Type"] == "application/problem+json"
    assert answers[4]["Retry-After"]


@pytest.mark.parametrize("door", ["api", "app"])
def test_after_too_many_bad_tokens_no_token_is_checked(kakao, send, door):
    """A check may call the provider, so the limit is read first, also for a good token."""
    for _ in range(3):
        send(door, kakao, {"id_token": "a.b.c"})

    answer = send(door, kakao, kakao.native(nonce="one"), nonce="one")

    assert answer.status_code == 429


@pytest.mark.parametrize("door", ["api", "app"])
def test_good_tokens_cost_nothing(kakao, send, door):
    for number in range(6):
        tokens = kakao.native(nonce=f"nonce-{number}")
        answer = send(door, kakao, tokens, nonce=f"nonce-{number}")
        assert answer.status_code in {200, 401}, answer.content
        assert answer.json().get("code") != "too_many_requests"

    assert not counts()


def test_without_redis_the_limits_are_off(kakao, settings):
    for _ in range(4):
        new_browser().get(CALLBACK, {"state": "x"})

    with without_redis(settings):
        assert new_browser().get(CALLBACK, {"state": "x"}).status_code in {401, 503}
