"""Sign in, call the API, refresh and sign out in the separate-origin frontend.

Its client, `auth.js`, shares one sign-in and one refresh between all tabs.
"""

import http.server
import threading
import time
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, Request, Route, expect

from tests.kit.demo_site import PAGE_MILLISECONDS, Site
from tests.kit.processes import ROOT
from tests.kit.visitors import sign_in_by_frontend

pytestmark = pytest.mark.e2e
CLIENT = ROOT / "demo" / "spa" / "auth.js"


def tab_with_client(context: BrowserContext, site: Site) -> Page:
    """Open a tab with `auth.js` alone, as another frontend would use it."""
    tab = context.new_page()
    tab.goto(f"{site.frontend}/config.json")
    tab.evaluate(
        """async (api) => {
            const { createClient } = await import("/auth.js");
            window.reasons = [];
            window.told = [];
            window.client = createClient({
                api,
                onSignOut: (reason) => reasons.push(reason),
                onTokens: ({ what, mine }) => told.push(`${mine ? "this" : "other"} tab ${what}`),
            });
        }""",
        site.url,
    )
    return tab


def sign_in_with_client(tab: Page, site: Site) -> str:
    visitor = site.accounts["visitor"]
    return tab.evaluate(
        "([email, password]) => client.signIn(email, password).then(() => client.session.sid)",
        [visitor["email"], visitor["password"]],
    )


def wait_in_tab(tab: Page, condition: str) -> None:
    """Wait for a condition in the tab.

    Playwright's `wait_for_function` evaluates a string, which the page's policy forbids.
    """
    tab.evaluate(
        f"""() => new Promise((resolve, reject) => {{
            setTimeout(() => reject(new Error("still waiting")), {PAGE_MILLISECONDS});
            const look = () => ({condition}) ? resolve() : setTimeout(look, 10);
            look();
        }})"""
    )


def hand_out_a_bad_token(tabs: list[Page], site: Site, *, sid: str, seconds_left: int) -> None:
    """Send a bad token to every tab, as another tab would."""
    expires_at = (time.time() + seconds_left) * 1000
    bad = {"sid": sid, "access": "bad", "lifetime": 3600, "expiresAt": expires_at}
    tabs[0].evaluate(
        "([api, tokens]) => new BroadcastChannel('munjigi').postMessage({ api, what: 'refreshed', tokens })",
        [site.url, bad],
    )
    for tab in tabs:
        wait_in_tab(tab, "client.session.access === 'bad'")


@pytest.fixture
def patient_tabs(context: BrowserContext, site: Site) -> None:
    """Let tabs wait two seconds for a token of another tab, instead of a tenth of a second.

    If the others are slower, a tab refreshes for itself. That is right, but these tests count refreshes.
    """
    shipped, wait = CLIENT.read_text(), "HANDOVER_MS = 100;"
    assert wait in shipped
    patient = shipped.replace(wait, "HANDOVER_MS = 2_000;")
    context.route(
        f"{site.frontend}/auth.js",
        lambda route: route.fulfill(body=patient, content_type="text/javascript"),
    )


@pytest.fixture
def refreshes(context: BrowserContext) -> list[Request]:
    seen: list[Request] = []
    context.on(
        "request",
        lambda request: (
            seen.append(request)
            if request.method == "POST" and request.url.endswith("/api/token/refresh/")
            else None
        ),
    )
    return seen


def end_from_another_device(site: Site, sid: str) -> None:
    visitor = site.accounts["visitor"]
    credentials = {"email": visitor["email"], "password": visitor["password"]}
    pair = requests.post(f"{site.url}/api/token/", json=credentials, timeout=20).json()
    response = requests.delete(
        f"{site.url}/api/sessions/{sid}/",
        headers={"Authorization": f"Bearer {pair['access']}"},
        timeout=20,
    )
    assert response.status_code == 204


def test_the_frontend_signs_in_and_calls_the_api_across_origins(page: Page, site: Site):
    page.goto(site.frontend)
    sign_in_by_frontend(page, site)

    with page.expect_response(f"{site.url}/api/token/refresh/") as refreshed:
        page.click("#refresh")
    assert refreshed.value.status == 200
    expect(page.locator("#log")).to_contain_text("This tab refreshed")
    with page.expect_response(f"{site.url}/api/me/") as called:
        page.click("#call-me")
    assert called.value.status == 200
    assert called.value.request.headers["authorization"].startswith("Bearer ")
    assert called.value.headers["access-control-allow-origin"] == site.frontend

    with page.expect_response(f"{site.url}/api/token/revoke/") as revoked:
        page.click("#sign-out")
    assert revoked.value.status == 200
    expect(page.locator("#sign-in")).to_be_visible()
    page.reload()
    expect(page.locator("#sign-in")).to_be_visible()


def test_scripts_of_the_frontend_cannot_read_the_refresh_cookie(page: Page, site: Site):
    page.goto(site.frontend)
    with page.expect_response(f"{site.url}/api/token/") as answered:
        sign_in_by_frontend(page, site)

    stored = page.evaluate(
        """async () => [
            { ...localStorage }, { ...sessionStorage }, await indexedDB.databases(),
            await caches.keys(), document.cookie,
        ]"""
    )

    assert stored == [{}, {}, [], [], ""]
    assert sorted(answered.value.json()) == ["access", "expires_in", "sid", "token_type"]
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "refresh"]
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("refresh", True, "Strict")


def test_a_reload_keeps_the_visitor_signed_in(page: Page, site: Site, refreshes: list[Request]):
    page.goto(site.frontend)
    expect(page.locator("#sign-in")).to_be_visible()
    expect(page.locator("#status")).to_be_empty()
    sign_in_by_frontend(page, site)
    before = len(refreshes)

    page.reload()

    expect(page.locator("#profile-email")).to_have_text(site.accounts["visitor"]["email"])
    expect(page.locator("#status")).to_have_text("Still signed in.")
    assert len(refreshes) == before + 1


def test_tabs_sign_in_and_out_together(
    page: Page, context: BrowserContext, site: Site, refreshes: list[Request], patient_tabs: None
):
    page.goto(site.frontend)
    expect(page.locator("#sign-in")).to_be_visible()
    other = context.new_page()
    other.goto(site.frontend)
    expect(other.locator("#sign-in")).to_be_visible()
    asked = len(refreshes)

    sign_in_by_frontend(page, site)
    expect(other.locator("#profile-email")).to_have_text(site.accounts["visitor"]["email"])
    expect(other.locator("#log")).to_contain_text("signed in. This tab uses its access token too.")
    late = tab_with_client(context, site)
    assert late.evaluate("client.restore()") is True
    assert late.evaluate("told") == ["other tab handed_over"]
    assert len(refreshes) == asked

    other.click("#refresh")
    expect(page.locator("#log")).to_contain_text(
        "refreshed. This tab uses its new access token too"
    )
    assert len(refreshes) == asked + 1

    other.click("#sign-out")
    expect(page.locator("#sign-in")).to_be_visible()
    wait_in_tab(late, "reasons.length > 0")
    expect(page.locator("#status")).to_contain_text("ended in another tab")


@pytest.mark.parametrize("seconds_left", [-1, 3600], ids=["expired", "refused"])
def test_eight_calls_in_two_tabs_cause_one_refresh(
    context: BrowserContext,
    site: Site,
    refreshes: list[Request],
    patient_tabs: None,
    seconds_left: int,
):
    tabs = [tab_with_client(context, site) for _ in range(2)]
    sid = sign_in_with_client(tabs[0], site)
    wait_in_tab(tabs[1], "client.session !== null")
    hand_out_a_bad_token(tabs, site, sid=sid, seconds_left=seconds_left)

    for tab in tabs:  # start both before waiting for either
        tab.evaluate(
            """() => {
                const calls = Array.from({ length: 8 }, () => client.fetch("/api/me/"));
                window.answers = Promise.all(calls).then((all) => all.map(({ status }) => status));
            }"""
        )

    assert [tab.evaluate("answers") for tab in tabs] == [[200] * 8, [200] * 8]
    assert len(refreshes) == 1
    first, second = [tab.evaluate("client.session.access") for tab in tabs]
    assert first == second


def test_tabs_without_locks_and_channels_refresh_once_each(
    context: BrowserContext, site: Site, refreshes: list[Request]
):
    context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });"
        "delete window.BroadcastChannel;"
    )
    first, second = (tab_with_client(context, site) for _ in range(2))
    sign_in_with_client(first, site)

    assert second.evaluate("client.restore()") is True
    outcome = first.evaluate(
        "Promise.all(Array.from({ length: 8 }, () => client.refresh())).then(() => client.session !== null)"
    )

    assert outcome is True
    assert len(refreshes) == 2


def test_signing_out_in_one_tab_calls_the_hook_of_every_tab(context: BrowserContext, site: Site):
    first, second = (tab_with_client(context, site) for _ in range(2))
    sign_in_with_client(first, site)
    wait_in_tab(second, "client.session !== null")

    second.evaluate("client.signOut()")

    wait_in_tab(first, "reasons.length > 0")
    assert [first.evaluate("reasons"), second.evaluate("reasons")] == [
        ["elsewhere"],
        ["signed_out"],
    ]
    assert first.evaluate("client.session") is None
    assert first.evaluate("client.restore()") is False


def test_a_sign_in_ended_elsewhere_signs_out_at_the_next_call(context: BrowserContext, site: Site):
    calling, watching = (tab_with_client(context, site) for _ in range(2))
    sid = sign_in_with_client(calling, site)
    wait_in_tab(watching, "client.session !== null")
    end_from_another_device(site, sid)

    error = calling.evaluate(
        "client.fetch('/api/me/').then(() => null, ({ status, signedOut }) => [status, signedOut])"
    )

    assert error == [401, True]
    wait_in_tab(watching, "reasons.length > 0")
    assert [calling.evaluate("reasons"), watching.evaluate("reasons")] == [["elsewhere"]] * 2


def test_an_expired_sign_in_has_its_own_reason(context: BrowserContext, site: Site):
    tab = tab_with_client(context, site)
    sid = sign_in_with_client(tab, site)
    hand_out_a_bad_token([tab], site, sid=sid, seconds_left=-1)
    context.clear_cookies()

    tab.evaluate("client.fetch('/api/me/').catch(() => null)")

    assert tab.evaluate("reasons") == ["expired"]


def test_the_page_says_that_the_sign_in_was_ended_elsewhere(page: Page, site: Site):
    page.goto(site.frontend)
    with page.expect_response(f"{site.url}/api/token/") as answered:
        sign_in_by_frontend(page, site)
    expect(page.locator("#call-me")).to_be_enabled()
    end_from_another_device(site, answered.value.json()["sid"])

    expect(page.locator("#sign-in")).to_be_visible()
    expect(page.locator("#status")).to_contain_text("on another device")


def test_a_failed_refresh_keeps_the_sign_in(context: BrowserContext, site: Site):
    tab = tab_with_client(context, site)
    sign_in_with_client(tab, site)
    headers = {
        "Access-Control-Allow-Origin": site.frontend,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": "Retry-After",
        "Retry-After": "7",
    }
    url = f"{site.url}/api/token/refresh/"
    attempt = "client.refresh().catch(({ status, retryAfter }) => ({ status, retryAfter }))"

    tab.route(url, lambda route: route.abort())
    assert tab.evaluate(attempt) == {"status": 0, "retryAfter": None}
    tab.unroute(url)
    statuses = iter([403, 429, 503])
    tab.route(url, lambda route: route.fulfill(status=next(statuses), headers=headers))
    assert tab.evaluate(attempt) == {"status": 403, "retryAfter": 7}
    assert tab.evaluate(attempt) == {"status": 429, "retryAfter": 7}
    assert tab.evaluate(attempt) == {"status": 503, "retryAfter": 7}

    assert tab.evaluate("reasons") == []
    assert tab.evaluate("client.fetch('/api/me/').then(({ status }) => status)") == 200


def test_a_refused_call_is_sent_at_most_twice(
    context: BrowserContext, site: Site, refreshes: list[Request]
):
    tab = tab_with_client(context, site)
    sign_in_with_client(tab, site)
    calls: list[Request] = []
    cors = {"Access-Control-Allow-Origin": site.frontend}

    def refuse(route: Route, request: Request) -> None:
        calls.append(request)
        route.fulfill(status=401, headers=cors)

    tab.route(f"{site.url}/api/me/", refuse)

    assert tab.evaluate("client.fetch('/api/me/').then(({ status }) => status)") == 401
    assert (len(calls), len(refreshes)) == (2, 1)
    assert tab.evaluate("client.session !== null")


def test_the_token_goes_to_the_api_only(context: BrowserContext, site: Site):
    tab = tab_with_client(context, site)
    sign_in_with_client(tab, site)

    outcome = tab.evaluate(
        "client.fetch('https://example.com/').then(() => 'sent', ({ message }) => message)"
    )

    assert outcome.startswith("not for https://example.com")


@pytest.fixture
def foreign_origin() -> Iterator[str]:
    """Serve a site whose origin the API doesn't know."""

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
