"""Add a passkey, sign in by it, use it as a second step, and remove it, in a real browser.

The browser's own virtual authenticator stands for the device.
"""

import time

import pytest
from playwright.sync_api import Page, expect

from tests.kit.demo_site import Site
from tests.kit.virtual_devices import PHONE, Device
from tests.kit.visitors import code_for, sign_in_by_page, sign_out
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.e2e
PASSWORD = "correct horse battery"
CREATE = """
from allauth.account.models import EmailAddress
from accounts.people.models import User
user = User.objects.create_user("{email}", "{password}")
EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
"""
SECURITY_KEY = PHONE | {
    "transport": "usb",
    "hasResidentKey": False,
    "hasUserVerification": False,
    "isUserVerified": False,
    "defaultBackupEligibility": False,
    "defaultBackupState": False,
}

WITHOUT_OFFERS = "delete window.PublicKeyCredential?.isConditionalMediationAvailable"
"""The virtual owner accepts at once what the field for the email offers. Other tests need the page."""


def create(site: Site, email: str) -> str:
    site.run(CREATE.format(email=email, password=PASSWORD))
    return email


def add_passkey(page: Page, site: Site, name: str = "") -> None:
    page.goto(f"{site.url}/accounts/2fa/passkeys/add/")
    page.fill("[name=name]", name)
    page.get_by_role("button", name="Make a passkey").click()
    page.get_by_role("button", name="I have kept them").click()


def test_a_newcomer_has_a_passkey_within_a_minute(page: Page, site: Site):
    began = time.monotonic()
    device, email = Device(page), "newcomer-with-passkey@example.com"
    page.goto(f"{site.url}/accounts/signup/")
    page.fill("[name=email]", email)
    page.fill("[name=password1]", PASSWORD)
    page.locator("form.signup .actions button").click()
    page.fill("[name=code]", code_for(email, page, site))
    page.locator("main form .actions button").first.click()
    page.goto(f"{site.url}/accounts/")
    page.locator(".account-nav").get_by_role("link", name="Passkeys").click()
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.locator(".recovery-codes li")).to_have_count(10)
    page.get_by_role("button", name="I have kept them").click()
    expect(page.locator("main")).to_contain_text("Synced to your devices")

    assert len(device.credentials) == 1
    assert time.monotonic() - began < 60


def test_a_visitor_signs_up_without_a_password(page: Page, site: Site):
    Device(page)
    email = "no-password@example.com"
    page.goto(f"{site.url}/accounts/signup/")
    page.get_by_role("link", name="Sign up with a passkey").click()
    page.wait_for_url("**/signup/passkey/")
    page.fill("[name=email]", email)
    page.get_by_role("button", name="Send me the code").click()
    page.fill("[name=code]", code_for(email, page, site))
    page.locator("main form .actions button").first.click()
    page.get_by_role("button", name="Make a passkey").click()
    page.get_by_role("button", name="I have kept them").click()
    expect(page).to_have_url(f"{site.url}/accounts/")
    sign_out(page, site)  # the sign-in page offers the passkey, and the virtual owner accepts

    expect(page).to_have_url(f"{site.url}/accounts/")


def test_the_offer_after_a_password_leads_to_a_passkey(page: Page, site: Site):
    Device(page)
    sign_in_by_page(page, site, create(site, "offered@example.com"), PASSWORD)
    page.goto(f"{site.url}/accounts/")
    page.locator(".offer").get_by_role("link", name="Add a passkey").click()
    page.get_by_role("button", name="Make a passkey").click()
    page.get_by_role("button", name="I have kept them").click()
    page.goto(f"{site.url}/accounts/")

    expect(page.locator(".offer")).to_have_count(0)


def test_the_button_signs_in_and_needs_no_second_step(page: Page, site: Site):
    page.add_init_script(WITHOUT_OFFERS)
    Device(page)
    sign_in_by_page(page, site, create(site, "button@example.com"), PASSWORD)
    add_passkey(page, site, "My phone")
    sign_out(page, site)
    page.goto(f"{site.url}/accounts/login/?next=/accounts/profile/")
    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page).to_have_url(f"{site.url}/accounts/profile/")
    page.goto(f"{site.url}/accounts/sessions/")
    expect(page.locator(".row.current")).to_contain_text("Passkey")


def test_the_field_for_the_email_offers_the_passkey(page: Page, site: Site):
    Device(page)
    sign_in_by_page(page, site, create(site, "field@example.com"), PASSWORD)
    add_passkey(page, site)
    sign_out(page, site)  # leads to the sign-in page, where the virtual owner accepts at once

    expect(page).to_have_url(f"{site.url}/accounts/")


def test_a_passkey_is_the_second_step_and_a_fresh_proof(page: Page, site: Site):
    page.add_init_script(WITHOUT_OFFERS)
    Device(page)
    email = create(site, "step@example.com")
    sign_in_by_page(page, site, email, PASSWORD)
    add_passkey(page, site)
    sign_out(page, site)
    sign_in_by_page(page, site, email, PASSWORD)
    expect(page).to_have_url(f"{site.url}/accounts/2fa/authenticate/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(f"{site.url}/accounts/")
    site.run(
        "from accounts.signins.models import AuthSession as A\n"
        "from datetime import timedelta as d\n"
        "[A.objects.filter(pk=a.pk).update(auth_time=a.auth_time - d(hours=1)) for a in A.objects.all()]"
    )
    page.goto(f"{site.url}/accounts/2fa/passkeys/add/")
    expect(page.locator("h1")).to_have_text("Confirm that it is you")
    page.get_by_role("button", name="Use a passkey").click()

    expect(page.locator("h1")).to_have_text("Add a passkey")


def test_a_security_key_is_a_second_step_only(page: Page, site: Site):
    Device(page, **SECURITY_KEY)
    email = create(site, "key@example.com")
    sign_in_by_page(page, site, email, PASSWORD)
    page.goto(f"{site.url}/accounts/2fa/passkeys/add/?kind=key")
    page.get_by_role("button", name="Add the security key").click()
    page.get_by_role("button", name="I have kept them").click()
    sign_out(page, site)
    sign_in_by_page(page, site, email, PASSWORD)
    page.get_by_role("button", name="Use a passkey").click()

    expect(page).to_have_url(f"{site.url}/accounts/")
    page.goto(f"{site.url}/accounts/2fa/passkeys/")
    expect(page.locator("main")).to_contain_text("Second step only")
    expect(page.locator("main")).to_contain_text("On this one device only")


def test_a_visitor_who_closes_the_prompt_tries_again(page: Page, site: Site):
    device = Device(page)
    sign_in_by_page(page, site, create(site, "cancels@example.com"), PASSWORD)
    page.goto(f"{site.url}/accounts/2fa/passkeys/add/")
    device.knows_its_owner(is_verified=False)
    page.get_by_role("button", name="Make a passkey").click()
    expect(page.get_by_role("status")).to_contain_text("No passkey was added")
    device.knows_its_owner(is_verified=True)
    page.get_by_role("button", name="Make a passkey").click()
    page.get_by_role("button", name="I have kept them").click()
    page.goto(f"{site.url}/accounts/2fa/passkeys/add/")
    page.get_by_role("button", name="Make a passkey").click()

    expect(page.get_by_role("status")).to_contain_text("has a passkey of your account already")


def test_a_removed_passkey_is_forgotten_by_the_device(page: Page, site: Site):
    device = Device(page)
    sign_in_by_page(page, site, create(site, "removes@example.com"), PASSWORD)
    add_passkey(page, site, "Old phone")
    page.get_by_role("link", name="Rename Old phone").click()
    page.fill("[name=name]", "Older phone")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Remove Older phone").click()
    page.get_by_role("button", name="Remove the passkey").click()
    expect(page.locator("main")).to_contain_text("You have no passkey yet.")

    wait_until(lambda: device.credentials == [], "the device has forgotten it")


def test_the_device_forgets_a_passkey_that_the_site_does_not_know(page: Page, site: Site):
    device = Device(page)
    sign_in_by_page(page, site, create(site, "unknown@example.com"), PASSWORD)
    add_passkey(page, site)
    site.run("from allauth.mfa.models import Authenticator as A; A.objects.all().delete()")
    sign_out(page, site)  # the sign-in page offers the passkey, and the virtual owner accepts
    expect(page.get_by_role("alert")).to_contain_text("doesn't know that passkey")

    wait_until(lambda: device.credentials == [], "the device has forgotten it")


def test_without_passkeys_the_pages_stay_usable(page: Page, site: Site):
    """As in KakaoTalk's browser."""
    page.add_init_script("delete window.PublicKeyCredential")
    email = create(site, "embedded@example.com")
    page.goto(f"{site.url}/accounts/login/")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    sign_in_by_page(page, site, email, PASSWORD)
    page.goto(f"{site.url}/accounts/2fa/passkeys/add/")

    expect(page.locator("main")).to_contain_text("This browser can't make passkeys.")
    expect(page.get_by_role("button", name="Make a passkey")).to_be_hidden()


COUNTED = """
window.asked = [];
const get = navigator.credentials.get.bind(navigator.credentials);
navigator.credentials.get = (how) => {
  const entry = { isOffer: how.mediation === "conditional", error: "" };
  window.asked.push(entry);
  return get(how).catch((error) => { entry.error = error.name; throw error; });
};
"""


def minutes_later(page: Page, minutes: int) -> None:
    page.clock.run_for(minutes * 60 * 1000)
    page.wait_for_timeout(500)


def wait_for(page: Page, condition: str) -> None:
    """Wait for a condition in the page, whose policy forbids Playwright's `wait_for_function`."""
    wait_until(lambda: page.evaluate(condition), condition, every=0.05)


def open_prompt(page: Page, site: Site) -> None:
    """Open the sign-in page and press the button. The device waits for its owner."""
    Device(page, automaticPresenceSimulation=False)
    page.add_init_script(COUNTED)
    page.clock.install()
    page.goto(f"{site.url}/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    wait_for(page, "window.asked.some((one) => !one.isOffer)")


def test_an_open_prompt_is_not_renewed(page: Page, site: Site):
    open_prompt(page, site)
    before = page.evaluate("window.asked.length")
    minutes_later(page, 4)
    asked = page.evaluate("window.asked")

    assert len(asked) == before
    assert asked[-1] == {"isOffer": False, "error": ""}


def test_a_prompt_that_timed_out_says_so_and_is_offered_again(page: Page, site: Site):
    open_prompt(page, site)
    minutes_later(page, 6)

    expect(page.locator("[data-passkey-status]")).to_have_text(
        "The time for this is over. You can try again."
    )
    wait_for(page, "window.asked.at(-1).isOffer")


def test_an_offer_is_renewed_before_its_challenge_expires(page: Page, site: Site):
    Device(page, automaticPresenceSimulation=False)
    page.add_init_script(COUNTED)
    page.clock.install()
    page.goto(f"{site.url}/accounts/login/")
    wait_for(page, "window.asked.length === 1")
    minutes_later(page, 5)

    wait_for(page, "window.asked.length === 2")
    assert page.evaluate("window.asked[0].error") == "AbortError"
