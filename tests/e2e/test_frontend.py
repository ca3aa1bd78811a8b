"""The separate-origin frontend: signs in, calls the API with a Bearer token, refreshes, signs out."""

import http.server
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Site

pytestmark = pytest.mark.e2e


def test_the_frontend_signs_in_and_calls_the_api_across_origins(page: Page, site: Site):
    visitor = site.accounts["visitor"]
    page.goto(site.frontend)
    page.fill("#sign-in [name=email]", visitor["email"])
    page.fill("#sign-in [name=password]", visitor["password"])
    page.click("#sign-in button")

    expect(page.locator("#profile-email")).to_have_text(visitor["email"])
    with page.expect_response(f"{site.url}/api/token/refresh/") as refreshed:
        page.click("#refresh")
    assert refreshed.value.status == 200
    with page.expect_response(f"{site.url}/api/me/") as called:
        page.click("#call-me")
    assert called.value.status == 200
    assert called.value.request.headers["authorization"].startswith("Bearer ")
    assert called.value.headers["access-control-allow-origin"] == site.frontend

    with page.expect_response(f"{site.url}/api/token/revoke/") as revoked:
        page.click("#sign-out")
    assert revoked.value.status == 200
    expect(page.locator("#sign-in")).to_be_visible()


def test_nothing_of_a_sign_in_rests_in_the_frontends_storage(page: Page, site: Site):
    visitor = site.accounts["visitor"]
    page.goto(site.frontend)
    page.fill("#sign-in [name=email]", visitor["email"])
    page.fill("#sign-in [name=password]", visitor["password"])
    page.click("#sign-in button")
    expect(page.locator("#profile-email")).to_have_text(visitor["email"])

    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")

    assert "eyJ" not in stored
    assert page.context.cookies() == []


@pytest.fixture
def foreign_origin() -> Iterator[str]:
    """Another site in the same browser, which the API doesn't know."""

    class Empty(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>foreign</title>")

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_browser_refuses_a_foreign_origin(page: Page, site: Site, foreign_origin: str):
    page.goto(foreign_origin)

    outcome = page.evaluate(
        """async (url) => {
            try {
                return `answered ${(await fetch(url, {credentials: "include"})).status}`;
            } catch (error) {
                return error.name;
            }
        }""",
        f"{site.url}/api/me/",
    )

    assert outcome == "TypeError"
