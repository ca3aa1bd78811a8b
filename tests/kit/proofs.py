"""Make the proofs of sign-ins old, and go on after a new one as a browser does."""

import html
import re
from datetime import timedelta

from django.utils import timezone

from accounts.signins.models import AuthSession
from tests.kit.factories import PASSWORD


def let_proofs_age(hours=1):
    AuthSession.objects.update(auth_time=timezone.now() - timedelta(hours=hours))


def confirm_by_password(browser, asked):
    """Type the password on the page to which `asked` redirects, and return the answer."""
    return browser.post(asked["Location"], {"password": PASSWORD})


def send_again(browser, confirmed):
    """Send the form that had to wait for the proof, from the page to which `confirmed` redirects."""
    page = browser.get(confirmed["Location"]).text
    form = re.search(r'<form[^>]* action="([^"]+)" data-continue>(.*?)</form>', page, re.DOTALL)
    fields = {}
    for name, value in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', form[2]):
        fields.setdefault(html.unescape(name), []).append(html.unescape(value))
    return browser.post(html.unescape(form[1]), fields)
