"""Sign in by a passkey in the separate-origin frontend, alone and as the second step."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.kit.demo_site import Site
from tests.kit.factories import PASSWORD
from tests.kit.virtual_devices import Device

pytestmark = pytest.mark.e2e
ENROL = """
import base64, json
from cryptography.hazmat.primitives import serialization as form
from allauth.account.models import EmailAddress
from accounts.people.models import User
from tests.kit.factors import enrol_passkey
user = User.objects.create_user("{email}", "{password}")
EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
passkey = enrol_passkey(user).passkey
key = passkey.key.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
texts = dict(credentialId=passkey.credential_id, privateKey=key, userHandle=passkey.user_handle)
print(json.dumps({{name: base64.b64encode(text).decode() for name, text in texts.items()}}))
"""


def owner_of_passkey(page: Page, site: Site, email: str) -> None:
    """Make an account, and put its passkey into the device of this page."""
    printed = site.run(ENROL.format(email=email, password=PASSWORD)).decode()
    keys = json.loads(printed.strip().splitlines()[-1])
    credential = {
        "isResidentCredential": True,
        "rpId": "localhost",
        "signCount": 0,
        "backupEligibility": True,
        "backupState": True,
        **keys,
    }
    Device(page).add(credential)


def test_the_frontend_signs_in_by_a_passkey(page: Page, site: Site):
    owner_of_passkey(page, site, "passkey-frontend@example.com")
    page.goto(site.frontend)
    page.click("#passkey")

    expect(page.locator("#profile-email")).to_have_text("passkey-frontend@example.com")
    expect(page.locator("#claims")).to_contain_text('["pop","user","mfa"]')
    page.reload()
    expect(page.locator("#profile-email")).to_have_text("passkey-frontend@example.com")


def test_the_frontend_offers_the_passkey_as_the_second_step(page: Page, site: Site):
    owner_of_passkey(page, site, "passkey-step@example.com")
    page.goto(site.frontend)
    page.fill("#sign-in [name=email]", "passkey-step@example.com")
    page.fill("#sign-in [name=password]", PASSWORD)
    page.click("#sign-in button")
    page.click("#passkey-step")

    expect(page.locator("#profile-email")).to_have_text("passkey-step@example.com")


def test_without_a_passkey_the_frontend_says_so(page: Page, site: Site):
    Device(page)
    page.goto(site.frontend)
    page.click("#passkey")

    expect(page.locator("#status")).to_contain_text("No passkey was used.")
    expect(page.locator("#sign-in [name=password]")).to_be_enabled()
