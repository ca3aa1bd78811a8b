"""Test that every domain error becomes an answer: a page, or problem JSON below `/api/`."""

import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client

from accounts.errors import SessionTooLargeError, StoreUnavailableError
from accounts.store.engine import SessionStore
from api.problems import TABLE
from tests.kit.problems import problem

ROOT = Path(django_settings.BASE_DIR)
RAISED = {
    "conflict": "conflict",
    "large": "body_too_large",
    "limit": "too_many_requests",
    "provider": "provider_unavailable",
    "stale": "store_unavailable",
    "store": "store_unavailable",
}


@pytest.fixture
def raising(db, settings):
    settings.ROOT_URLCONF = "tests.config.raising_urls"


@pytest.mark.parametrize(("name", "code"), RAISED.items())
def test_a_domain_error_in_a_page_returns_an_html_page(client, raising, name, code):
    response = client.get(f"/fail/{name}")

    assert response.status_code == TABLE[code].status
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert response["Cache-Control"] == "no-store"
    assert f"<h1>{TABLE[code].title}</h1>".replace("'", "&#x27;") in response.text


@pytest.mark.parametrize(("name", "code"), RAISED.items())
def test_a_domain_error_in_the_api_returns_problem_json(client, raising, name, code):
    response = client.get(f"/api/fail/{name}")

    assert response.status_code == TABLE[code].status
    assert response["Content-Type"] == "application/problem+json"
    assert response.json() == problem(TABLE[code].status, code)


@pytest.mark.parametrize(
    ("name", "seconds"), [("provider", "60"), ("store", "3"), ("stale", "3"), ("limit", "7")]
)
@pytest.mark.parametrize("prefix", ["", "/api"])
def test_a_temporary_error_has_retry_after(client, raising, prefix, name, seconds):
    assert client.get(f"{prefix}/fail/{name}")["Retry-After"] == seconds


def test_a_page_says_that_it_takes_forms_only(signed_in):
    response = signed_in.get("/accounts/sessions/revoke-others/")

    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert "Only a button on another page leads here." in response.text


def test_a_method_that_a_page_lacks_is_no_page_for_machines(client, db):
    response = client.get("/accounts/google/security-events/")

    assert response.status_code == 405
    assert not response.content


def test_an_ended_session_redirects_a_page_to_the_sign_in(client, raising):
    response = client.get("/fail/ended?a=1")

    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/fail/ended%3Fa%3D1"


def test_an_ended_session_returns_401_with_a_challenge_in_the_api(client, raising):
    response = client.get("/api/fail/ended")

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response.json() == problem(401, "session_ended")


def test_an_error_without_a_row_returns_500(raising):
    response = Client(raise_request_exception=False).get("/api/fail/defect")

    assert response.status_code == 500
    assert response.json() == problem(500, "server_error")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StoreUnavailableError("no answer"), "store_unavailable"),
        (SessionTooLargeError("20000 bytes"), "body_too_large"),
    ],
)
def test_a_failed_save_of_the_session_returns_its_own_status(signed_in, monkeypatch, error, code):
    """The test client re-raises unhandled errors, so any answer shows that ours was handled."""

    def save(self, **kwargs):
        raise error

    monkeypatch.setattr(SessionStore, "save", save)

    response = signed_in.post("/accounts/profile/", {"display_name": "A", "locale": ""})

    assert response.status_code == TABLE[code].status


def test_no_setting_names_a_view():
    ours = (name for path in ROOT.glob("config/settings*") for name in _settings_in(path))

    assert [name for name in ours if name.endswith("_VIEW")] == ["CSRF_FAILURE_VIEW"]


def _settings_in(path):
    files = path.rglob("*.py") if path.is_dir() else [path]
    for file in files:
        yield from re.findall(r"^([A-Z_]+)\b.*=", file.read_text(), re.MULTILINE)


def test_accounts_and_api_import_nothing_that_a_setting_names():
    files = [path for package in ("accounts", "api") for path in ROOT.glob(f"{package}/**/*.py")]

    assert not [path for path in files if "import_string(settings." in path.read_text()]
