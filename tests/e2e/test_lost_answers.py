"""The frontend loses the answer of a refresh, and comes back after the grace window."""

import pytest
import requests
from playwright.sync_api import Page, Route, expect

from tests.kit.demo_site import Site
from tests.kit.visitors import sign_in_by_frontend

pytestmark = pytest.mark.e2e
PAST_THE_GRACE = 1_500


def keys_in(page: Page) -> list[str]:
    return page.evaluate("Object.values(localStorage)")


def refresh_cookie(page: Page) -> str:
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "refresh"]
    return cookie["value"]


def lose_the_answer_of_a_refresh(page: Page, site: Site) -> None:
    """The API answers, outside the browser, and the browser's own call breaks: no cookie arrives."""
    url, before, answers = f"{site.url}/api/token/refresh/", refresh_cookie(page), []

    def lose(route: Route) -> None:
        sent = route.request.headers
        headers = {
            name: sent[name] for name in ("content-type", "idempotency-key", "x-token-delivery")
        }
        answers.append(
            requests.post(
                url,
                data=route.request.post_data,
                headers=headers | {"Origin": site.frontend, "Cookie": f"refresh={before}"},
                timeout=20,
            )
        )
        route.abort()

    page.route(url, lose)
    page.click("#refresh")
    expect(page.locator("#status")).to_contain_text("network_error")
    page.unroute(url)
    assert [answer.status_code for answer in answers] == [200]
    assert refresh_cookie(page) == before != answers[0].cookies["refresh"]


@pytest.fixture
def signed_in(page: Page, impatient_site: Site) -> Page:
    page.goto(impatient_site.frontend)
    expect(page.locator("#sign-in")).to_be_visible()
    assert keys_in(page) == []
    sign_in_by_frontend(page, impatient_site)
    expect(page.locator("#refresh")).to_be_enabled()
    return page


def test_a_lost_answer_signs_nobody_out(signed_in: Page, impatient_site: Site):
    lose_the_answer_of_a_refresh(signed_in, impatient_site)
    (key,) = keys_in(signed_in)
    signed_in.wait_for_timeout(PAST_THE_GRACE)

    with signed_in.expect_request(f"{impatient_site.url}/api/token/refresh/") as again:
        signed_in.reload()

    email = impatient_site.accounts["visitor"]["email"]
    expect(signed_in.locator("#profile-email")).to_have_text(email)
    expect(signed_in.locator("#status")).to_have_text("Still signed in.")
    assert again.value.headers["idempotency-key"] == key
    assert keys_in(signed_in) == []
    signed_in.wait_for_timeout(PAST_THE_GRACE)
    with signed_in.expect_response(f"{impatient_site.url}/api/token/refresh/") as next_one:
        signed_in.click("#refresh")
    assert next_one.value.status == 200
    assert next_one.value.request.headers["idempotency-key"] != key


def test_without_the_key_the_page_asks_to_sign_in_again(signed_in: Page, impatient_site: Site):
    lose_the_answer_of_a_refresh(signed_in, impatient_site)
    signed_in.evaluate("localStorage.clear()")
    signed_in.wait_for_timeout(PAST_THE_GRACE)

    signed_in.reload()

    expect(signed_in.locator("#sign-in")).to_be_visible()
    expect(signed_in.locator("#status")).to_contain_text("The connection broke")
    assert "refresh" not in {one["name"] for one in signed_in.context.cookies()}
    assert keys_in(signed_in) == []


def test_a_copied_cookie_is_named_as_such(signed_in: Page, impatient_site: Site):
    old = refresh_cookie(signed_in)
    for _ in range(2):
        with signed_in.expect_response(f"{impatient_site.url}/api/token/refresh/"):
            signed_in.click("#refresh")
        expect(signed_in.locator("#refresh")).to_be_enabled()
        signed_in.wait_for_timeout(PAST_THE_GRACE)
    assert refresh_cookie(signed_in) != old
    signed_in.context.add_cookies(
        [{"name": "refresh", "value": old, "url": impatient_site.url, "httpOnly": True}]
    )

    signed_in.click("#refresh")

    expect(signed_in.locator("#sign-in")).to_be_visible()
    expect(signed_in.locator("#status")).to_contain_text("used in two places")


def test_without_storage_a_refresh_goes_without_a_key(page: Page, impatient_site: Site):
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } });"
    )
    page.goto(impatient_site.frontend)
    sign_in_by_frontend(page, impatient_site)
    expect(page.locator("#refresh")).to_be_enabled()

    with page.expect_response(f"{impatient_site.url}/api/token/refresh/") as refreshed:
        page.click("#refresh")

    assert refreshed.value.status == 200
    assert "idempotency-key" not in refreshed.value.request.headers
