"""Sign up with the mailed code, see the device, sign out and sign in again, as a visitor does."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.kit.demo_site import Site
from tests.kit.visitors import code_for, sign_in_by_page, sign_out

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

    sign_in_by_page(page, site, email, PASSWORD)
    expect(page).to_have_url(f"{site.url}/accounts/")
    sign_out(page, site)
    page.goto(f"{site.url}/accounts/sessions/")
    expect(page).to_have_url(re.compile("/accounts/login/"))
