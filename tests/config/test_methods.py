"""Unknown methods are refused at every address, and no redirect turns a POST into a GET."""

import pytest
from django.test import Client

from tests.kit.addresses import every_path
from tests.kit.clients import open_browser
from tests.kit.factories import UserFactory
from tests.kit.problems import problem

PROVIDERS = ["google", "kakao", "naver"]


@pytest.fixture
def admin(db):
    browser = Client()
    browser.force_login(UserFactory(admin=True))
    return browser


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW"])
@pytest.mark.parametrize("path", ["/admin/", "/accounts/login/", "/api/me/", "/", "/nothing/"])
def test_an_unknown_method_is_405(client, db, path, method):
    response = client.generic(method, path)

    assert response.status_code == 405
    assert "GET" in response["Allow"]
    if path.startswith("/api/"):
        assert response.json() == problem(405, "method_not_allowed")


@pytest.mark.sweep
@pytest.mark.parametrize("path", every_path())
def test_trace_is_405_at_every_address(client, db, path):
    assert client.generic("TRACE", path).status_code == 405


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_only_a_post_starts_at_a_provider(client, db, provider, method):
    response = client.generic(method, f"/accounts/{provider}/login/")

    assert response.status_code == 405
    assert not response.cookies


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_only_a_get_comes_back_from_a_provider(client, db, provider, method):
    response = client.generic(method, f"/accounts/{provider}/login/callback/?state=x&code=x")

    assert response.status_code == 405


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/api/token", "/api/me", "/accounts/login", "/i18n/setlang"])
@pytest.mark.parametrize("debug", [True, False])
def test_a_missing_slash_keeps_the_method(client, db, settings, path, method, debug):
    settings.DEBUG = debug

    response = client.generic(method, f"{path}?a=b")

    assert response.status_code == 308
    assert response["Location"] == f"{path}/?a=b"


def test_a_missing_slash_in_the_admin_keeps_the_method(admin):
    response = admin.post("/admin/accounts/user/add", {"email": "x@example.com"})

    assert response.status_code == 308
    assert response["Location"] == "/admin/accounts/user/add/"


def test_a_missing_slash_of_a_get_is_still_301(client, db):
    assert client.get("/accounts/login").status_code == 301


@pytest.mark.parametrize("path", ["/", "/.well-known/change-password"])
def test_an_address_that_only_leads_on_takes_no_post(client, db, path):
    assert client.post(path).status_code == 405
    assert client.get(path).status_code == 302


def test_plain_http_keeps_the_method_on_pages_and_refuses_calls(site_under):
    answers = site_under(
        """
plain = Client(headers={"host": "auth.example.com"})
page = plain.post("/accounts/login/")
call = plain.post("/api/token/")
answers = [page.status_code, page["Location"], call.status_code, call.json()["code"]]
""",
        SITE_URL="https://auth.example.com",
    )

    assert answers[:2] == [308, "https://auth.example.com/accounts/login/"]
    assert answers[2:] == [403, "https_required"]


MACHINES = [
    "/api/verify",
    "/api/verify/services",
    *(f"/.well-known/{name}" for name in ("jwks.json", "oauth-authorization-server")),
    *(f"/.well-known/{name}" for name in ("assetlinks.json", "apple-app-site-association")),
    *(f"/.well-known/{name}" for name in ("passkey-endpoints", "change-password")),
    *(f"/accounts/{provider}/login/callback/" for provider in PROVIDERS),
    "/",
]
"""Addresses that only read."""


@pytest.fixture
def strict(user):
    """A signed-in browser that checks CSRF, and sends no token."""
    browser = Client(enforce_csrf_checks=True)
    open_browser(browser, user)
    return browser


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", MACHINES)
def test_an_address_that_only_reads_names_its_methods(strict, path, method):
    response = strict.generic(method, path)

    assert response.status_code == 405
    assert set(response["Allow"].split(", ")) <= {"GET", "HEAD", "OPTIONS"}
    assert "GET" in response["Allow"]


PAGES = [
    path
    for path in every_path()
    if path.startswith("/accounts/")
    and not path.startswith(("/accounts/google/", "/accounts/kakao/"))
]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/accounts/2fa/", "/i18n/setlang/", "/admin/"]
)
def test_a_page_takes_no_method_of_programs(strict, path, method):
    assert strict.generic(method, path).status_code == 405


@pytest.mark.sweep
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", PAGES)
def test_no_page_takes_a_method_that_browsers_send_from_no_form(strict, path, method):
    response = strict.generic(method, path)

    assert response.status_code == 405
    assert {"GET", "POST"} & set(response["Allow"].split(", "))


def test_a_page_that_only_reads_refuses_a_form_without_asking_for_a_token(strict):
    response = strict.post("/accounts/sessions/")

    assert response.status_code == 405
    assert response["Allow"] == "GET, HEAD, OPTIONS"


def test_pages_take_their_own_methods(strict):
    statuses = [
        strict.generic(one, "/accounts/sessions/").status_code for one in ("HEAD", "OPTIONS")
    ]

    assert statuses == [200, 200]
