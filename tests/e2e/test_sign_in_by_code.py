"""Sign in by a mailed code from the sign-in page, as a visitor does who forgot the password."""

import pytest
from playwright.sync_api import Page, expect

from tests.kit.demo_site import Site
from tests.kit.visitors import code_for, sign_out

pytestmark = pytest.mark.e2e


def test_a_visitor_signs_in_by_a_mailed_code(page: Page, site: Site):
    email = site.accounts["visitor"]["email"]
    page.goto(f"{site.url}/accounts/login/?next=/accounts/sessions/")
    page.fill("[name=login]", email)
    page.get_by_label("Stay signed in").check()
    page.get_by_role("button", name="Email me a code instead").dblclick()

    expect(page.locator("main")).to_contain_text(email)
    code = code_for(email, page, site)
    page.fill("[name=code]", "00000000" if code != "0000-0000" else "11111111")
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("main")).to_contain_text("You have 4 tries left.")
    page.fill("[name=code]", code)
    page.get_by_role("button", name="Confirm").click()

    expect(page).to_have_url(f"{site.url}/accounts/sessions/")
    expect(page.locator("main")).to_contain_text("This device")
    stay = next(cookie for cookie in page.context.cookies() if cookie["name"] == "stay")
    assert stay["value"] == "1"
    sign_out(page, site)
