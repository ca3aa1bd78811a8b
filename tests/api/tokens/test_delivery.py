"""Test delivery of the refresh token in an HttpOnly cookie, to our own frontends only."""

from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from accounts.signins.models import AuthSession
from tests.kit import forge
from tests.kit.clients import bearer
from tests.kit.factories import PASSWORD
from tests.kit.problems import problem

FRONTEND = "https://app.example.com"
OURS = {"origin": FRONTEND, "x-token-delivery": "cookie"}
FOREIGN = [
    None,
    "",
    "null",
    "https://evil.example",
    "https://app.example.com.evil.example",
    "https://evil.app.example.com",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://app.example.com/",
    "HTTPS://APP.EXAMPLE.COM",
    "*",
]


@pytest.fixture
def spa():
    """Return a frontend's browser, which keeps cookies."""
    return Client(enforce_csrf_checks=True)


def send(client, path, body, **headers):
    return client.post(
        f"/api/token/{path}",
        body,
        content_type="application/json",
        headers={
            name.replace("_", "-"): value
            for name, value in (OURS | headers).items()
            if value is not None
        },
    )


@pytest.fixture
def signed_in_spa(spa, user):
    response = send(spa, "", {"email": user.email, "password": PASSWORD})
    assert response.status_code == 200, response.content
    return spa, response


def test_the_refresh_token_is_in_the_cookie_and_not_in_the_body(signed_in_spa):
    _, response = signed_in_spa

    assert set(response.json()) == {"access", "token_type", "expires_in", "sid"}
    assert set(response.cookies) == {"refresh", "device"}
    morsel = response.cookies["refresh"]
    assert forge.part(morsel.value, 0)["typ"] == "rt+jwt"
    assert morsel.value not in response.text
    assert {name: morsel[name] for name in ("path", "httponly", "samesite", "domain")} == {
        "path": "/",
        "httponly": True,
        "samesite": "Strict",
        "domain": "",
    }
    assert morsel["max-age"] == 14 * 86400
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("https", [True, False])
def test_the_cookie_is_secure_on_an_https_site(spa, user, settings, https):
    settings.HTTPS = https
    settings.REFRESH_COOKIE_NAME = "__Host-refresh" if https else "refresh"

    response = send(spa, "", {"email": user.email, "password": PASSWORD})

    assert bool(response.cookies[settings.REFRESH_COOKIE_NAME]["secure"]) is https


def test_the_cookies_name_follows_the_sites_scheme():
    """Browsers refuse `__Host-` without Secure, and therefore over http."""
    prefix = "__Host-" if django_settings.HTTPS else ""

    assert f"{prefix}refresh" == django_settings.REFRESH_COOKIE_NAME


def test_a_refresh_reads_the_cookie_and_sets_the_next_one(signed_in_spa, client):
    spa, first = signed_in_spa

    response = send(spa, "refresh/", {})

    assert response.status_code == 200
    assert set(response.json()) == {"access", "token_type", "expires_in", "sid"}
    assert response.cookies["refresh"].value != first.cookies["refresh"].value
    assert response.json()["sid"] == first.json()["sid"]
    assert client.get("/api/me/", headers=bearer(response.json()["access"])).status_code == 200


def test_many_refreshes_by_cookie_stay_signed_in(signed_in_spa):
    spa, _ = signed_in_spa

    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(5):
            clock.shift(timedelta(minutes=30))
            assert send(spa, "refresh/", {}).status_code == 200


@pytest.mark.parametrize("origin", FOREIGN, ids=repr)
@pytest.mark.parametrize("path", ["", "refresh/", "revoke/"])
def test_a_foreign_or_missing_origin_is_refused(signed_in_spa, user, origin, path):
    spa, _ = signed_in_spa
    body = {"email": user.email, "password": PASSWORD} if path == "" else {}

    response = send(spa, path, body, origin=origin)

    assert response.status_code == 403
    assert response.json() == problem(403, "origin_refused")
    assert not response.cookies
    assert AuthSession.objects.count() == 1
    session = AuthSession.objects.get()
    assert (session.revoked_at, session.previous_refresh_jti) == (None, "")


@pytest.mark.parametrize("path", ["refresh/", "revoke/"])
@pytest.mark.parametrize("value", [None, "", "Cookie", "body", "cookie, body", "1"], ids=repr)
def test_without_the_header_the_cookie_is_ignored(signed_in_spa, path, value):
    spa, _ = signed_in_spa

    response = (
        send(spa, path, {}, x_token_delivery=value)
        if value is not None
        else spa.post(
            f"/api/token/{path}", {}, content_type="application/json", headers={"origin": FRONTEND}
        )
    )

    assert response.status_code in {400, 401}
    assert not response.cookies
    session = AuthSession.objects.get()
    assert (session.revoked_at, session.previous_refresh_jti) == (None, "")


def test_without_the_header_the_pair_is_in_the_body(spa, user):
    response = spa.post(
        "/api/token/",
        {"email": user.email, "password": PASSWORD},
        content_type="application/json",
        headers={"origin": FRONTEND},
    )

    assert "refresh" in response.json()
    assert not response.cookies


def test_every_other_endpoint_ignores_the_cookie(signed_in_spa):
    """Browsers send it with every request to the site; only the two endpoints may read it."""
    spa, _ = signed_in_spa

    for path in ("/api/me/", "/api/sessions/", "/api/verify"):
        assert spa.get(path, headers=OURS).status_code == 401, path
    assert spa.get("/accounts/").status_code == 302


def test_revoking_by_cookie_ends_the_sign_in_and_clears_the_cookie(signed_in_spa, client):
    spa, first = signed_in_spa

    response = send(spa, "revoke/", {})

    assert response.status_code == 200
    morsel = response.cookies["refresh"]
    assert (morsel.value, morsel["max-age"], morsel["path"]) == ("", 0, "/")
    assert (morsel["httponly"], morsel["samesite"]) == (True, "Strict")
    assert AuthSession.objects.get().revoked_reason == "logout"
    assert client.get("/api/me/", headers=bearer(first.json()["access"])).status_code == 401
    assert send(spa, "refresh/", {}).status_code == 401


def test_revoking_by_the_access_token_also_clears_the_cookie(signed_in_spa):
    spa, first = signed_in_spa

    response = send(spa, "revoke/", {"token": first.json()["access"]})

    assert response.cookies["refresh"].value == ""


@pytest.mark.parametrize("value", ["", "x", "a.b.c", "a" * 4000])
def test_a_malformed_cookie_is_an_invalid_token(spa, db, value):
    spa.cookies["refresh"] = value

    response = send(spa, "refresh/", {})

    assert response.status_code == 401
    assert response.json() == problem(401, "invalid_token")


def test_an_access_token_in_the_cookie_is_refused(signed_in_spa):
    spa, first = signed_in_spa
    spa.cookies["refresh"] = first.json()["access"]

    assert send(spa, "refresh/", {}).status_code == 401


def test_a_token_in_the_body_wins_over_the_cookie(signed_in_spa, obtain, user):
    spa, first = signed_in_spa
    pair = obtain(user)

    response = send(spa, "refresh/", {"refresh": pair["refresh"]})

    assert response.json()["sid"] == pair["sid"] != first.json()["sid"]


def test_a_reused_cookie_ends_the_sign_in(signed_in_spa):
    spa, first = signed_in_spa
    send(spa, "refresh/", {})
    send(spa, "refresh/", {})
    thief = Client()
    thief.cookies["refresh"] = first.cookies["refresh"].value

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        response = send(thief, "refresh/", {})

    assert response.status_code == 401
    assert response.json() == problem(401, "refresh_reused")
    assert AuthSession.objects.get().revoked_reason == "reused"


def test_a_wrong_password_sets_no_cookie(spa, user):
    response = send(spa, "", {"email": user.email, "password": "wrong"})

    assert response.status_code == 401
    assert not response.cookies


# CORS


@pytest.mark.parametrize("path", ["", "refresh/", "revoke/"])
def test_our_frontend_may_send_credentials_and_the_header(path, db):
    response = Client().options(
        f"/api/token/{path}",
        headers={
            "origin": FRONTEND,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,idempotency-key,x-token-delivery",
        },
    )

    assert response.status_code == 200
    assert response["Access-Control-Allow-Origin"] == FRONTEND
    assert response["Access-Control-Allow-Credentials"] == "true"
    allowed = response["Access-Control-Allow-Headers"].split(", ")
    assert {"idempotency-key", "x-token-delivery"} <= set(allowed)


@pytest.mark.parametrize("path", ["", "refresh/", "revoke/"])
def test_a_foreign_page_gets_no_permission(path, db):
    response = Client().options(
        f"/api/token/{path}",
        headers={
            "origin": "https://evil.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,x-token-delivery",
        },
    )

    assert "Access-Control-Allow-Origin" not in response


def test_the_answer_may_be_read_with_credentials(signed_in_spa):
    spa, first = signed_in_spa

    for response in (first, send(spa, "refresh/", {})):
        assert response["Access-Control-Allow-Origin"] == FRONTEND
        assert response["Access-Control-Allow-Credentials"] == "true"
        assert "origin" in response["Vary"].lower()


COOKIE = {"X-Token-Delivery": "cookie", "Origin": "https://app.example.com"}


@pytest.mark.django_db
def test_a_refused_refresh_clears_the_cookie(client):
    client.cookies["refresh"] = "dead"

    answer = client.post("/api/token/refresh/", {}, content_type="application/json", headers=COOKIE)

    assert answer.status_code == 401
    assert answer.cookies["refresh"]["max-age"] == 0


@pytest.mark.django_db
def test_revoking_without_a_cookie_is_no_error(client):
    answer = client.post("/api/token/revoke/", {}, content_type="application/json", headers=COOKIE)

    assert (answer.status_code, answer.content) == (200, b"")
