"""Go on with an act that had to wait for a proof, in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.kit.demo_site import Site

pytestmark = pytest.mark.e2e
LET_PROOFS_AGE = """
from datetime import timedelta
from django.utils import timezone
from accounts.signins.models import AuthSession
AuthSession.objects.update(auth_time=timezone.now() - timedelta(hours=1))
"""


def test_the_browser_sends_the_waiting_form_by_itself(page: Page, site: Site):
    """The form leads to a provider, so the policy of the page must allow that, too."""
    staff = site.accounts["staff"]
    page.goto(f"{site.url}/accounts/login/?next=/accounts/3rdparty/")
    page.fill("[name=login]", staff["email"])
    page.fill("[name=password]", staff["password"])
    page.locator("form:has([name=password]) .actions button").first.click()
    expect(page).to_have_url(f"{site.url}/accounts/3rdparty/")
    site.run(LET_PROOFS_AGE)

    page.locator("form[action*='/google/login/'] button").first.click()
    expect(page).to_have_url(re.compile("/accounts/reauthenticate/"))
    page.fill("[name=password]", staff["password"])
    page.locator("form:has([name=password]) .actions button").first.click()

    expect(page.locator("[name=choice][value=continue]")).to_be_visible()
    expect(page).not_to_have_url(re.compile(re.escape(site.url)))
