"""A form that was refused, in a real browser."""

import pytest
from playwright.sync_api import Browser, Page, expect

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


def test_a_button_is_pressed_once_and_again_after_back(page: Page, site: Site):
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.goto(f"{site.url}/accounts/password/reset/")
    page.fill("[name=email]", "twice@example.com")
    button = page.locator("main form[method=post] button[type=submit]").first
    with page.expect_navigation():
        page.evaluate(
            """() => {
              const form = document.querySelector("main form[method=post]:has([name=email])");
              const button = form.querySelector("[type=submit]");
              button.click();
              button.click();
              setTimeout(() => button.click());
            }"""
        )

    assert sent.count("POST") == 1
    page.go_back()
    expect(button).to_be_enabled()
    page.fill("[name=email]", "twice@example.com")
    with page.expect_navigation():
        button.click()

    assert sent.count("POST") == 2


def test_the_time_to_wait_is_counted_in_words(chromium: Browser, site: Site):
    page = chromium.new_page(locale="ko-KR")
    page.goto(f"{site.url}/accounts/login/")

    refuse(page, "wait@example.com", times=6)

    expect(page.locator("[data-countdown]")).to_have_text("5분")
    page.close()
