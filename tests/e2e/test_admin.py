"""Find a user, see the sign-in and end it, as an operator does."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.kit.demo_site import Site
from tests.kit.visitors import sign_in_by_page

pytestmark = pytest.mark.e2e


def test_an_administrator_finds_a_user_and_ends_the_sign_in(
    page: Page, site: Site, chromium: Browser
):
    visitor, admin = site.accounts["visitor"], site.accounts["admin"]
    elsewhere = chromium.new_context(locale="en-US")
    visiting = elsewhere.new_page()
    sign_in_by_page(visiting, site, visitor["email"], visitor["password"])

    page.goto(f"{site.url}/admin/")
    expect(page).to_have_url(re.compile("/accounts/login/"))
    page.fill("[name=login]", admin["email"])
    page.fill("[name=password]", admin["password"])
    page.locator("form:has([name=password]) .actions button").click()
    expect(page).to_have_url(f"{site.url}/admin/")
    page.goto(f"{site.url}/admin/accounts/user/?q={visitor['email']}")
    expect(page.locator("#result_list")).to_contain_text(visitor["email"])
    page.goto(f"{site.url}/admin/accounts/authsession/?q={visitor['email']}&kind__exact=browser")
    page.locator("#action-toggle").check()
    page.select_option("select[name=action]", "revoke")
    page.locator("input[name=reason]").first.fill("The owner asked on the phone")
    page.locator("button[name=index]").click()
    expect(page.locator(".messagelist")).to_contain_text("ended")

    # The open tab leaves by itself, which could break off another way there.
    expect(visiting).to_have_url(re.compile("/accounts/ended/"))
    visiting.goto(f"{site.url}/accounts/sessions/")
    expect(visiting).to_have_url(re.compile("/accounts/login/"))
    elsewhere.close()
