"""Leave an open tab when its sign-in ends, and keep lists up to date, in real browsers."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.kit.demo_site import PAGE_MILLISECONDS, Site
from tests.kit.visitors import (
    open_live,
    opens_stream,
    sign_in_by_frontend,
    sign_in_by_page,
    sign_out,
)

pytestmark = pytest.mark.e2e
ENDED = re.compile(r"/accounts/ended/\?reason=")
ROWS = "[data-live=devices] > li"


@pytest.fixture
def another_context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(locale="en-US")
    context.set_default_timeout(PAGE_MILLISECONDS)
    yield context
    context.close()


def open_account(page: Page, site: Site, role: str = "visitor") -> None:
    account = site.accounts[role]
    sign_in_by_page(page, site, account["email"], account["password"])


def row_of(page: Page, *, among: Page) -> Locator:
    """Return the row of this page's sign-in in the list that another page shows."""
    sid = page.locator("script[data-sid]").get_attribute("data-sid")
    return among.locator(f"{ROWS}:has(form[action*='{sid}'])")


def test_another_browser_shows_up_and_ends_this_one(
    page: Page, another_context: BrowserContext, site: Site
):
    open_account(page, site)
    open_live(page, f"{site.url}/accounts/sessions/")
    other = another_context.new_page()

    open_account(other, site)

    # Not their number: other tests may have filled the first page of the list.
    expect(row_of(other, among=page)).to_have_count(1)
    other.goto(f"{site.url}/accounts/sessions/")
    row_of(page, among=other).locator("form button.danger").click()
    expect(page).to_have_url(ENDED)
    expect(page.locator("main")).to_contain_text("from another device")
    expect(other).to_have_url(re.compile("/accounts/sessions/"))


def test_the_activity_page_shows_a_change_of_another_browser(
    page: Page, another_context: BrowserContext, site: Site
):
    open_account(page, site)
    open_live(page, f"{site.url}/accounts/activity/")
    other = another_context.new_page()
    open_account(other, site)
    other.goto(f"{site.url}/accounts/profile/")
    before = page.locator("[data-live=events]").get_by_text("Name changed").count()

    other.fill("[name=display_name]", f"Name {before}")
    other.locator("main form .actions button").click()

    expect(page.locator("[data-live=events]").get_by_text("Name changed")).to_have_count(before + 1)


def test_the_tab_that_signs_out_goes_its_own_way_and_the_others_leave(
    page: Page, context: BrowserContext, site: Site
):
    open_account(page, site)
    other = context.new_page()
    other.goto(f"{site.url}/accounts/activity/")

    sign_out(page, site)

    expect(other).to_have_url(ENDED)
    expect(other.locator("main")).to_contain_text("You have signed out in another tab.")
    assert "/accounts/login/" in page.url


def test_a_page_without_streams_asks_every_30_seconds(
    page: Page, another_context: BrowserContext, site: Site
):
    page.clock.install()
    page.route("**/events", lambda route: route.abort())
    open_account(page, site, "staff")
    page.goto(f"{site.url}/accounts/profile/")
    site.run(
        "from accounts.signins import sessions\n"
        "for row in sessions.AuthSession.objects.active().filter(user__is_staff=True):\n"
        "    sessions.revoke(row, reason=sessions.Reason.ADMIN)\n"
    )

    page.clock.fast_forward(31_000)

    expect(page).to_have_url(ENDED)


def test_the_admin_leaves_with_the_reason(page: Page, site: Site):
    open_account(page, site, "admin")
    page.goto(f"{site.url}/admin/")
    if "/admin/" not in page.url:
        pytest.fail(page.url)
    site.run(
        "from accounts.signins import sessions\n"
        "for row in sessions.AuthSession.objects.active().filter(user__is_superuser=True):\n"
        "    sessions.revoke(row, reason=sessions.Reason.ADMIN)\n"
    )
    expect(page).to_have_url(ENDED)
    expect(page.locator("main")).to_contain_text("An administrator has ended this sign-in.")


END_TOKENS = """
from accounts.signins import sessions
for row in sessions.AuthSession.objects.active().filter(kind="token", user__email="{email}"):
    sessions.revoke(row, reason=sessions.Reason.OTHER_DEVICE)
"""


def test_the_frontend_hears_of_devices_and_of_its_end_in_all_tabs(
    page: Page, context: BrowserContext, another_context: BrowserContext, site: Site
):
    page.goto(site.frontend)
    with page.expect_response(opens_stream):
        sign_in_by_frontend(page, site)
    other = context.new_page()
    other.goto(site.frontend)
    expect(other.locator("#signed-in")).to_be_visible()
    newest = page.locator("#devices > li").first
    expect(newest).to_contain_text("This device")

    open_account(another_context.new_page(), site)

    expect(newest).to_contain_text("Browser · ")
    site.run(END_TOKENS.format(email=site.accounts["visitor"]["email"]))
    for tab in (page, other):
        expect(tab.locator("#status")).to_contain_text("in another tab or on another device")
        expect(tab.locator("#sign-in")).to_be_visible()
