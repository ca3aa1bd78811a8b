"""The retry key of a refresh through HTTP, at both doors: by header and by member."""

from datetime import timedelta
from unittest.mock import ANY

import pytest
import time_machine
from django.utils import timezone

from accounts.signins import rotation
from accounts.signins.models import AuthSession
from tests.kit import forge
from tests.kit.problems import invalid, problem

KEY = "owner-key_0123456789"
OTHER = "thief-key_0123456789"
MALFORMED = [
    *("", " ", "a" * 15, "a" * 65, f"{KEY}.", f"{KEY}=", f" {KEY}", f"{KEY}\t", f'"{KEY}"'),
    *(f"{KEY},{KEY}", "é" * 16, "가" * 16, f"{KEY}\x00", "a/b" * 8),
]
DOORS = ["api", "headless"]


@pytest.fixture
def refresh(client):
    """Refresh at one of the doors; the answer."""

    def run(token, door="api", *, header=None, **members):
        path, name = {
            "api": ("/api/token/refresh/", "refresh"),
            "headless": ("/_allauth/app/v1/tokens/refresh", "refresh_token"),
        }[door]
        headers = {} if header is None else {"idempotency-key": header}
        body = {name: token} | members
        return client.post(path, body, content_type="application/json", headers=headers)

    return run


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as clock:
        yield clock


def jti_in(response):
    """The `jti` of the refresh token in an answer of either door."""
    body = response.json()
    token = body["refresh"] if "refresh" in body else body["data"]["refresh_token"]
    return forge.part(token, 1)["jti"]


def refused(door, code, **members):
    if door == "api":
        return problem(401, code, **members)
    return problem(400, code, errors=[{"code": code, "message": ANY}], **members)


@pytest.mark.parametrize("again", DOORS)
@pytest.mark.parametrize("first", DOORS)
@pytest.mark.parametrize("days", [0, 1, 13])
def test_a_lost_answer_is_given_again_at_either_door(refresh, pair, clock, first, again, days):
    lost = refresh(pair["refresh"], first, header=KEY)
    clock.shift(timedelta(days=days))

    response = refresh(pair["refresh"], again, retry_key=KEY)

    assert response.status_code == 200
    assert jti_in(response) == jti_in(lost)


@pytest.mark.parametrize("key", ["a" * 16, "Z" * 64, "0123456789abcdef", "-" * 16, "_" * 16])
@pytest.mark.parametrize("how", ["header", "retry_key"])
@pytest.mark.parametrize("door", DOORS)
def test_keys_of_every_allowed_form_are_taken(refresh, pair, door, how, key):
    assert refresh(pair["refresh"], door, **{how: key}).status_code == 200
    assert AuthSession.objects.get().retry_key_hmac != ""


@pytest.mark.parametrize("key", MALFORMED, ids=repr)
@pytest.mark.parametrize("door", DOORS)
def test_a_malformed_header_is_refused_and_changes_nothing(refresh, pair, door, key):
    response = refresh(pair["refresh"], door, header=key)

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "invalid_retry_key"
    assert "16 to 64 characters" in response.json()["detail"]
    assert AuthSession.objects.get().previous_refresh_jti == ""


@pytest.mark.parametrize("key", [*MALFORMED, f"{KEY}\n", None, 1, [], {}, True], ids=repr)
def test_a_malformed_member_is_pointed_at(refresh, pair, key):
    response = refresh(pair["refresh"], retry_key=key)

    assert response.status_code == 400
    codes = {error["code"] for error in response.json()["errors"]}
    assert response.json() == invalid(*[("/retry_key", code) for code in sorted(codes)])
    assert codes & {"invalid", "blank", "null"}
    assert AuthSession.objects.get().previous_refresh_jti == ""


@pytest.mark.parametrize("key", [*MALFORMED, f"{KEY}\n", None, 1, [], {}, True], ids=repr)
def test_a_malformed_member_is_refused_at_the_headless_door(refresh, pair, key):
    response = refresh(pair["refresh"], "headless", retry_key=key)

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_retry_key"
    assert AuthSession.objects.get().previous_refresh_jti == ""


@pytest.mark.parametrize("door", DOORS)
def test_header_and_member_may_agree(refresh, pair, door):
    assert refresh(pair["refresh"], door, header=KEY, retry_key=KEY).status_code == 200


@pytest.mark.parametrize("door", DOORS)
def test_header_and_member_that_differ_are_refused(refresh, pair, door):
    response = refresh(pair["refresh"], door, header=KEY, retry_key=OTHER)

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_retry_key"
    assert AuthSession.objects.get().previous_refresh_jti == ""


def test_the_refusal_of_a_key_is_translated(client, pair):
    response = client.post(
        "/api/token/refresh/",
        {"refresh": pair["refresh"]},
        content_type="application/json",
        headers={"idempotency-key": "short", "accept-language": "ko"},
    )

    assert "16~64자" in response.json()["detail"]


# Codes


@pytest.mark.parametrize("door", DOORS)
def test_an_expired_token_is_refresh_expired(refresh, pair, clock, door, settings):
    clock.shift(settings.REFRESH_TOKEN_LIFETIME + timedelta(minutes=1))

    assert refresh(pair["refresh"], door).json() == refused(door, "refresh_expired")


@pytest.mark.parametrize("door", DOORS)
def test_a_sign_in_at_its_greatest_age_is_refresh_expired(refresh, pair, door):
    AuthSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert refresh(pair["refresh"], door).json() == refused(door, "refresh_expired")


@pytest.mark.parametrize("door", DOORS)
def test_a_late_parent_is_refresh_lost(refresh, pair, clock, door):
    refresh(pair["refresh"], door)
    clock.shift(60)

    assert refresh(pair["refresh"], door).json() == refused(door, "refresh_lost")
    assert AuthSession.objects.get().revoked_reason == "refresh_lost"


@pytest.mark.parametrize("door", DOORS)
def test_another_key_is_refresh_lost_in_the_window_too(refresh, pair, door):
    refresh(pair["refresh"], door, header=KEY)

    response = refresh(pair["refresh"], door, header=OTHER)

    assert response.json() == refused(door, "refresh_lost")


@pytest.mark.parametrize("door", DOORS)
def test_an_old_token_is_refresh_reused(refresh, pair, clock, door):
    successor = refresh(pair["refresh"]).json()["refresh"]
    clock.shift(60)
    refresh(successor)

    assert refresh(pair["refresh"], door).json() == refused(door, "refresh_reused")


@pytest.mark.parametrize("door", DOORS)
def test_an_ended_sign_in_is_session_ended(client, refresh, pair, door):
    client.post("/api/token/revoke/", {"token": pair["refresh"]}, content_type="application/json")

    assert refresh(pair["refresh"], door).json() == refused(door, "session_ended")


@pytest.mark.parametrize("door", DOORS)
def test_a_deleted_account_is_session_ended(refresh, pair, user, door):
    user.delete()

    assert refresh(pair["refresh"], door).json() == refused(door, "session_ended")


@pytest.mark.parametrize("door", DOORS)
def test_a_sign_in_that_nobody_knows_is_an_invalid_token(refresh, pair, door):
    AuthSession.objects.all().delete()

    assert refresh(pair["refresh"], door).json() == refused(door, "invalid_token")


@pytest.mark.parametrize("door", DOORS)
def test_a_foreign_signature_is_an_invalid_token(refresh, pair, door):
    forged = forge.hs256(pair["refresh"], "a" * 32)

    assert refresh(forged, door).json() == refused(door, "invalid_token")


def test_each_refusal_asks_for_bearer_and_is_not_cached(refresh, pair, clock):
    refresh(pair["refresh"])
    clock.shift(60)

    for code in ("refresh_lost", "session_ended"):
        response = refresh(pair["refresh"])
        assert response.json()["code"] == code
        assert response["WWW-Authenticate"].startswith('Bearer realm="api"')
        assert response["Cache-Control"] == "no-store"


def test_the_bound_holds_through_http(refresh, pair):
    refresh(pair["refresh"])

    answers = [refresh(pair["refresh"]).status_code for _ in range(rotation.MOST_REPEATS + 1)]

    assert answers == [200] * rotation.MOST_REPEATS + [401]


# By cookie

COOKIE = {"x-token-delivery": "cookie", "origin": "https://app.example.com"}


@pytest.fixture
def refresh_by_cookie(client, pair):
    def run(token, key):
        client.cookies["refresh"] = token
        return client.post(
            "/api/token/refresh/",
            {},
            content_type="application/json",
            headers=COOKIE | {"idempotency-key": key},
        )

    return run


def test_a_cookie_with_its_key_gets_the_same_successor(refresh_by_cookie, pair, clock):
    lost = refresh_by_cookie(pair["refresh"], KEY).cookies["refresh"].value
    clock.shift(timedelta(days=1))

    response = refresh_by_cookie(pair["refresh"], KEY)

    assert forge.part(response.cookies["refresh"].value, 1) == forge.part(lost, 1)


def test_a_lost_cookie_is_taken_back(refresh_by_cookie, pair, clock):
    refresh_by_cookie(pair["refresh"], KEY)
    clock.shift(60)

    response = refresh_by_cookie(pair["refresh"], OTHER)

    assert response.json() == problem(401, "refresh_lost")
    assert response.cookies["refresh"]["max-age"] == 0


def test_a_malformed_key_keeps_the_cookie(refresh_by_cookie, pair):
    response = refresh_by_cookie(pair["refresh"], "short")

    assert response.status_code == 400
    assert "refresh" not in response.cookies
