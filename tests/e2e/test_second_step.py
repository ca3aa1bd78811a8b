"""Add an authenticator app and sign in with its code, in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.kit.demo_site import Site
from tests.kit.factors import app_code
from tests.kit.visitors import sign_in_by_page, sign_out

pytestmark = pytest.mark.e2e
EMAIL = "second-step@example.com"
PASSWORD = "correct horse battery"
CREATE = f"""
from allauth.account.models import EmailAddress
from accounts.people.models import User
user = User.objects.create_user("{EMAIL}", "{PASSWORD}")
EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
"""

FRONTEND_EMAIL = "second-step-of-a-frontend@example.com"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CREATE_WITH_APP = (
    CREATE.replace(EMAIL, FRONTEND_EMAIL)
    + f"""
from accounts.factors.totp import enrolment
enrolment.add(user, "{SECRET}", step=0)
"""
)


def test_a_visitor_adds_an_app_and_signs_in_with_its_code(page: Page, site: Site):
    site.run(CREATE)
    sign_in_by_page(page, site, EMAIL, PASSWORD)
    page.goto(f"{site.url}/accounts/2fa/totp/activate/")
    drawn = page.locator("img.qr").evaluate("image => image.complete && image.naturalWidth > 0")
    secret = page.locator(".secret").inner_text().replace(" ", "")
    page.fill("[name=code]", app_code(secret))
    page.locator("main form .actions button").click()
    expect(page.locator(".recovery-codes li")).to_have_count(10)
    recovery = page.locator(".recovery-codes code").first.inner_text()
    page.reload()
    expect(page.locator(".recovery-codes code").first).to_have_text(recovery)
    page.get_by_role("button", name="I have kept them").click()
    expect(page).to_have_url(f"{site.url}/accounts/2fa/")

    sign_out(page, site)
    sign_in_by_page(page, site, EMAIL, PASSWORD)
    expect(page).to_have_url(f"{site.url}/accounts/2fa/authenticate/")
    expect(page.locator("[name=code]")).to_have_attribute("autocomplete", "one-time-code")
    page.fill("[name=code]", app_code(secret, 1))  # the code of the app itself is used up
    page.locator("main form .actions button").click()
    expect(page).to_have_url(f"{site.url}/accounts/")

    sign_out(page, site)
    sign_in_by_page(page, site, EMAIL, PASSWORD)
    page.get_by_role("link", name="Use a recovery code").click()
    page.fill("[name=code]", recovery.upper())
    page.locator("main form .actions button").click()
    expect(page).to_have_url(f"{site.url}/accounts/")
    assert drawn


def test_a_frontend_asks_for_the_code_of_the_app(page: Page, site: Site):
    """The demo's frontend, on its own origin, with the refresh token in a cookie."""
    site.run(CREATE_WITH_APP)
    page.goto(site.frontend)
    page.fill("#sign-in [name=email]", FRONTEND_EMAIL)
    page.fill("#sign-in [name=password]", PASSWORD)
    page.click("#sign-in button")
    expect(page.locator("#second-step [name=code]")).to_be_focused()
    page.fill("#second-step [name=code]", "000 00x")
    page.click("#second-step button")
    expect(page.locator("body")).to_contain_text("You have 4 tries left.")
    page.fill("#second-step [name=code]", app_code(SECRET))
    page.click("#second-step button")

    expect(page.locator("#profile-email")).to_have_text(FRONTEND_EMAIL)
    page.reload()
    expect(page.locator("#profile-email")).to_have_text(FRONTEND_EMAIL)
