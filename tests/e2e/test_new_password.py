"""The advice beside a new password says only what the page can know: its length."""

import unicodedata

import pytest
from playwright.sync_api import Page, expect

from tests.kit.demo_site import Site

pytestmark = pytest.mark.e2e
SHORT = "Still too short. Add a word."
ENOUGH = "Long enough. One more word makes it harder to guess."
LONG = "Long enough. Whether it is a common one is checked when you send it."


def test_the_advice_follows_the_length_as_the_server_counts_it(page: Page, site: Site):
    page.goto(f"{site.url}/accounts/signup/")
    advice = page.locator("[data-advice]")

    expect(advice).to_have_attribute("aria-live", "polite")
    expect(advice).to_have_text("")
    for typed, text in [
        ("x", SHORT),
        ("ninechars", SHORT),
        ("ten letter", ENOUGH),
        ("password123", ENOUGH),
        # Nine and ten syllables, in parts.
        (unicodedata.normalize("NFD", "가나다라마바사아자"), SHORT),
        (unicodedata.normalize("NFD", "가나다라마바사아자차"), ENOUGH),
        ("🔑" * 9, SHORT),
        ("fifteen letters", LONG),
        ("", ""),
    ]:
        page.fill("[name=password1]", typed)
        expect(advice).to_have_text(text)


def test_the_advice_never_calls_a_refused_password_good(page: Page, site: Site):
    page.goto(f"{site.url}/accounts/signup/")
    page.fill("[name=email]", "advice@example.com")
    page.fill("[name=password1]", "password1234567")
    expect(page.locator("[data-advice]")).to_have_text(LONG)

    page.locator("form:has([name=password1]) .actions button").click()

    expect(page.locator(".errors")).to_contain_text("too common")


def test_without_scripts_there_is_no_advice_and_the_rules_hold(chromium, site: Site):
    context = chromium.new_context(locale="en-US", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/accounts/signup/")
    page.fill("[name=email]", "advice@example.com")
    page.fill("[name=password1]", "password1234567")
    page.locator("form:has([name=password1]) .actions button").click()

    expect(page.locator(".errors")).to_contain_text("too common")
    expect(page.locator("[data-advice]")).to_have_text("")
    context.close()
