"""Test which middleware API calls skip: Bearer calls skip all that handles cookies."""

from uuid import UUID

import pytest
from django.conf import settings

from accounts.store.engine import SessionStore
from api.views import account
from tests.kit.clients import bearer
from tests.kit.factories import PASSWORD, UserFactory


@pytest.fixture
def browser(browser, db):
    """Return a browser that is signed in by cookie as another user."""
    browser.somebody = UserFactory()
    browser.post("/accounts/login/", {"login": browser.somebody.email, "password": PASSWORD})
    return browser


def test_the_token_wins_over_the_cookie(browser, pair, user):
    response = browser.get("/api/me/", headers=bearer(pair["access"]))

    assert response.json()["email"] == user.email


def test_a_refused_token_does_not_fall_back_to_the_cookie(browser):
    response = browser.get("/api/me/", headers=bearer("a.b.c"))

    assert response.status_code == 401
    assert response.json()["code"] == "invalid_token"


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "bearer  ", "BEARER x"])
def test_an_empty_token_does_not_fall_back_to_the_cookie(browser, header):
    response = browser.get("/api/me/", headers={"authorization": header})

    assert response.status_code == 401


def test_with_another_scheme_the_cookie_is_used(browser):
    response = browser.get("/api/me/", headers={"authorization": "Basic eDp5"})

    assert response.json()["email"] == browser.somebody.email


def test_a_cookie_alone_still_needs_the_csrf_token(browser):
    browser.handler.enforce_csrf_checks = True

    response = browser.patch("/api/me/", {"display_name": "x"}, content_type="application/json")

    assert response.status_code == 403


@pytest.mark.parametrize("method", ["PATCH", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/api/me/", f"/api/sessions/{UUID(int=1)}/"])
def test_a_method_override_does_not_skip_the_csrf_check(browser, method, path):
    browser.handler.enforce_csrf_checks = True
    disguise = {"x-http-method-override": "GET", "x-method-override": "GET"}

    response = browser.generic(
        method, f"{path}?_method=GET", "{}", content_type="application/json", headers=disguise
    )

    assert response.status_code == 403


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_reading_call_by_cookie_sets_no_cookie_and_varies(browser, method):
    response = browser.generic(method, "/api/me/")

    assert response.status_code == 200
    assert not response.cookies
    assert "cookie" in response["Vary"].lower()
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Language"] == "en"
    assert "Content-Security-Policy" in response.headers


def test_a_reading_call_without_a_sign_in_is_refused(browser):
    browser.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32

    response = browser.get("/api/me/")

    assert response.status_code == 401
    assert response.json()["code"] == "not_authenticated"


def test_a_bearer_request_neither_sets_nor_varies_by_a_cookie(client, pair):
    response = client.get("/api/me/", headers=bearer(pair["access"]))

    assert not response.cookies
    assert "cookie" not in response["Vary"].lower()
    assert response["Cache-Control"] == "no-store"


def test_pages_beside_the_api_ignore_the_token(client, pair):
    response = client.get("/accounts/sessions/", headers=bearer(pair["access"]))

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("path", ["/api/docs/", "/api/schema/"])
def test_public_views_ignore_a_bad_token(client, db, path):
    assert client.get(path, headers=bearer("a.b.c")).status_code == 200


def test_a_missing_slash_is_still_redirected(client, pair):
    response = client.get("/api/me", headers=bearer(pair["access"]))

    assert (response.status_code, response["Location"]) == (301, "/api/me/")


def test_an_unknown_path_is_still_a_problem(client, pair):
    response = client.get("/api/nothing/", headers=bearer(pair["access"]))

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


@pytest.mark.parametrize("by", ["Bearer", "cookie"])
def test_a_defect_in_a_view_is_still_a_problem(client, browser, pair, monkeypatch, by):
    def broken(self, request):
        raise RuntimeError("very secret")

    monkeypatch.setattr(account.MeView, "get", broken)
    headers = bearer(pair["access"]) if by == "Bearer" else {}
    caller = client if by == "Bearer" else browser
    caller.raise_request_exception = False

    response = caller.get("/api/me/", headers=headers)

    assert response.status_code == 500
    assert response.json()["code"] == "server_error"
    assert "secret" not in response.text


def test_the_session_cookie_is_not_looked_up(client, pair, monkeypatch):
    def load(self):
        raise AssertionError("a Bearer request asked for its session")

    monkeypatch.setattr(SessionStore, "load", load)
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32

    assert client.get("/api/me/", headers=bearer(pair["access"])).status_code == 200
