"""Back, F5 and two tabs on a provider's way back, and the same in another browser, in Chromium."""

import re

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.kit.demo_site import Site

pytestmark = pytest.mark.e2e


def way_back(page: Page, site: Site, person: str) -> str:
    """Agree at the stand-in of Kakao, and stop before the browser is back: the address."""
    page.goto(f"{site.url}/accounts/login/?next=/accounts/profile/")
    page.locator("form[action*='/kakao/login/'] button").click()
    page.get_by_text(person, exact=False).first.click()
    found: list[str] = []

    def stop(route: Route) -> None:
        found.append(route.fetch(max_redirects=0).headers["location"])
        route.fulfill(body="stopped")

    page.route("**/consent", stop)
    page.locator("[name=choice][value=continue]").click()
    expect(page.locator("body")).to_have_text("stopped")
    page.unroute("**/consent")
    return found[0]


def test_a_callback_in_two_tabs_at_once_ends_where_the_sign_in_leads(page: Page, site: Site):
    back = way_back(page, site, "민지")
    other = page.context.new_page()
    # No page of the site: its answers that are no pages are in a sandbox, where no script goes on.
    page.goto("about:blank")

    for tab in (page, other):
        tab.evaluate("address => { setTimeout(() => { location.href = address }) }", back)

    for tab in (page, other):
        expect(tab).to_have_url(f"{site.url}/accounts/profile/")


def test_back_and_f5_on_a_callback_lead_where_the_sign_in_led(page: Page, site: Site):
    back = way_back(page, site, "민지")
    page.goto(back)
    expect(page).to_have_url(f"{site.url}/accounts/profile/")

    page.goto(back)
    expect(page).to_have_url(f"{site.url}/accounts/profile/")
    page.go_back()
    page.go_forward()
    page.reload()
    expect(page).to_have_url(f"{site.url}/accounts/profile/")


def test_a_click_while_the_callback_loads_shows_no_error(page: Page, site: Site):
    """The second navigation drops the first one's answer, and its cookie."""
    back = way_back(page, site, "민지")
    page.goto("about:blank")

    page.evaluate(
        "address => { location.href = address; setTimeout(() => { location.href = address }, 20) }",
        back,
    )

    expect(page).to_have_url(re.compile("/accounts/(profile/|login/.next=/accounts/profile/)$"))


def test_a_callback_in_another_browser_begins_again_there(
    page: Page, site: Site, chromium: Browser
):
    back = way_back(page, site, "민지")
    context = chromium.new_context(locale="ko-KR")
    other = context.new_page()
    other.goto(back)

    expect(other.locator("h1")).to_have_text("여기에서 다시 시작해 주세요")
    other.locator("main button.provider").click()
    other.get_by_text("민지", exact=False).first.click()
    other.locator("[name=choice][value=continue]").click()

    expect(other).to_have_url(f"{site.url}/accounts/profile/")
    context.close()
