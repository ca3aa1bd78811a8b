"""A form that was refused, in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.kit.demo_site import Site

pytestmark = pytest.mark.e2e


def refuse(page: Page, email: str, times: int):
    for _ in range(times):
        page.fill("[name=login]", email)
        page.fill("[name=password]", "not the password")
        with page.expect_navigation():
            page.locator("form:has([name=password]) .actions button").first.click()


def test_reload_and_back_open_a_new_form(page: Page, site: Site):
    sent: list[str] = []
    page.goto(f"{site.url}/accounts/login/")
    refuse(page, "reload@example.com", times=2)
    page.on("request", lambda request: sent.append(request.method))

    page.reload()
    expect(page.locator("#login_error")).to_have_count(0)
    page.go_back()
    expect(page.locator("[name=password]")).to_be_visible()

    assert "POST" not in sent


@pytest.mark.parametrize(("language", "words"), [("ko", "5분"), ("en", "5 minutes")])
def test_the_time_to_wait_counts_down_in_words(page: Page, site: Site, language: str, words: str):
    page.set_extra_http_headers({"Accept-Language": language})
    page.goto(f"{site.url}/accounts/login/")

    refuse(page, f"wait-{language}@example.com", times=6)

    expect(page.locator("[data-countdown]")).to_have_text(words)
