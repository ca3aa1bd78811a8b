"""Make the proofs of sign-ins old, and go on after a new one as a browser does."""

import html
import json
import re
from datetime import timedelta

from django.test import Client
from django.utils import timezone

from accounts.signins.models import AuthSession
from tests.kit.clients import bearer
from tests.kit.factories import PASSWORD


def let_proofs_age(hours=1):
    AuthSession.objects.update(auth_time=timezone.now() - timedelta(hours=hours))


def confirm_by_password(browser, asked):
    """Type the password on the page to which `asked` redirects, and return the answer."""
    return browser.post(asked["Location"], {"password": PASSWORD})


def prove_by_token(access, standin, tokens):
    """Send a provider's tokens as a proof of an app's sign-in."""
    token = {"client_id": standin.native_client} | tokens
    return Client(raise_request_exception=False).post(
        "/_allauth/app/v1/auth/reauthenticate/provider",
        json.dumps({"provider": standin.name, "token": token}),
        content_type="application/json",
        headers=bearer(access),
    )


def send_again(browser, confirmed):
    """Send the form that had to wait for the proof, from the page to which `confirmed` redirects."""
    page = browser.get(confirmed["Location"]).text
    form = re.search(r'<form[^>]* action="([^"]+)" data-continue>(.*?)</form>', page, re.DOTALL)
    fields = {}
    for name, value in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form[2]):
        fields.setdefault(html.unescape(name), []).append(html.unescape(value))
    return browser.post(html.unescape(form[1]), fields)
