"""The visitor's story: sign up with the mailed code, see the device, sign out; come back."""

import re
import time
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Site

pytestmark = pytest.mark.e2e
PASSWORD = "correct horse battery"


def test_a_visitor_signs_up_signs_in_sees_the_device_and_signs_out(page: Page, site: Site):
    email = f"{uuid4().hex[:10]}@example.com"
    page.goto(f"{site.url}/accounts/signup/")
    page.fill("[name=email]", email)
    page.fill("[name=password1]", PASSWORD)
    page.locator("form:has([name=password1]) .actions button").click()
    expect(page.locator("[name=code]")).to_be_visible()

    page.fill("[name=code]", code_for(email, page, site))
    page.locator("form:has([name=code]) .actions button").first.click()
    expect(page).to_have_url(f"{site.url}/accounts/")

    page.goto(f"{site.url}/accounts/sessions/")
    expect(page.locator("main")).to_contain_text("Chrome")
    expect(page.locator("main")).to_contain_text("This device")
    sign_out(page, site)

    sign_in(page, site, email, PASSWORD)
    expect(page).to_have_url(f"{site.url}/accounts/")
    sign_out(page, site)
    page.goto(f"{site.url}/accounts/sessions/")
    expect(page).to_have_url(re.compile("/accounts/login/"))


def code_for(email: str, page: Page, site: Site) -> str:
    """The newest code mailed to this address, as the mail viewer shows it."""
    viewer = page.context.new_page()
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            viewer.goto(f"{site.url}/demo/mail/")
            text = viewer.locator("main").inner_text()
            if email in text and (found := re.search(r"\b[A-Z]{4}-[A-Z]{4}\b", text)):
                return found.group()
            viewer.wait_for_timeout(200)
    finally:
        viewer.close()
    raise AssertionError(f"no code was mailed to {email}")


def sign_in(page: Page, site: Site, email: str, password: str) -> None:
    page.goto(f"{site.url}/accounts/login/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", password)
    page.locator("form:has([name=password]) .actions button").click()
    page.wait_for_url(lambda url: "/login/" not in url)


def sign_out(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/accounts/logout/")
    page.locator("main form .actions button").click()
    page.wait_for_url(re.compile("/accounts/login/"))
