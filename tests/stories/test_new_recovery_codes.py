"""New recovery codes have a page that may be reloaded: for some minutes, in the browser that made them."""

import json
import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.factors.recovery_codes import enrolment as recovery_codes
from accounts.signins.models import AuthSession
from tests.kit.clients import CHROME, sign_in
from tests.kit.factories import UserFactory
from tests.kit.factors import app_code, enrol
from tests.kit.mails import code_in
from tests.kit.passkeys import SoftAuthenticator

pytestmark = pytest.mark.django_db
SHOWN = "/accounts/2fa/recovery-codes/new/"
INDEX = "/accounts/2fa/"
APP = "/accounts/2fa/totp/activate/"
PASSKEY = "/accounts/2fa/passkeys/add/"
NEW = "/accounts/2fa/recovery-codes/generate/"
ENROL = "/accounts/2fa/enrol/"
SIGN_UP = "/accounts/signup/passkey/add/"
OVER = "Recovery codes are shown for 10 minutes, and only once."


def codes_on(page):
    return re.findall(r"<li><code>([0-9a-z-]{11})</code></li>", page.text)


def send_code(browser, path):
    secret = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', browser.get(path).text)[1]
    return browser.post(path, {"code": app_code(secret.replace(" ", ""))})


def send_passkey(browser, path):
    options = browser.get("/accounts/2fa/passkeys/options/register/").json()
    return browser.post(path, {"credential": json.dumps(SoftAuthenticator().create(options))})


@pytest.fixture
def shown(signed_in):
    """Add an app, and return the browser that may read its new codes."""
    send_code(signed_in, APP)
    return signed_in


@pytest.fixture
def door(request, browser, user, settings, deliver):
    """Return the answer of the door that made the codes, and where their page leads."""
    if request.param == "sign-up":
        browser.post("/accounts/signup/passkey/", {"email": "new@example.com"})
        browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})
        return send_passkey(browser, SIGN_UP), "/accounts/"
    if request.param.startswith("enrolment"):
        settings.MFA_REQUIRED_FOR = "staff"
        sign_in(browser, UserFactory(staff=True))
        send = send_code if request.param.endswith("app") else send_passkey
        return send(browser, ENROL), "/accounts/"
    if request.param == "new codes":
        factors = enrol(user)
        sign_in(browser, user)
        browser.post("/accounts/2fa/authenticate/", {"code": factors[1].pop()})
        return browser.post(NEW), INDEX
    sign_in(browser, user)
    if request.param == "passkey":
        return send_passkey(browser, PASSKEY), "/accounts/2fa/passkeys/"
    return send_code(browser, APP), INDEX


@pytest.mark.parametrize(
    "door",
    ["app", "passkey", "new codes", "enrolment by app", "enrolment by passkey", "sign-up"],
    indirect=True,
)
def test_each_door_leads_to_a_page_that_can_be_reloaded(door, browser):
    answer, target = door
    first, second = browser.get(SHOWN), browser.get(SHOWN)
    kept, over = browser.post(SHOWN), browser.get(SHOWN)

    assert (answer.status_code, answer["Location"]) == (303, SHOWN)
    assert len(codes_on(first)) == 10
    assert codes_on(second) == codes_on(first)
    assert "no-store" in first["Cache-Control"]
    assert kept["Location"] == target
    assert over["Location"] == INDEX
    assert browser.get(INDEX).text.count(OVER) == 1
    assert "shown_codes" not in browser.session


def test_another_language_keeps_the_codes(shown):
    before = codes_on(shown.get(SHOWN))
    answer = shown.post("/i18n/setlang/", {"language": "ko", "next": SHOWN}, follow=True)

    assert codes_on(answer) == before


def test_an_app_sent_again_leads_to_its_codes(shown):
    for call in (shown.get, shown.post):
        assert call(APP)["Location"] == SHOWN

    shown.post(SHOWN)

    assert shown.get(APP)["Location"] == "/accounts/2fa/totp/deactivate/"


def test_the_overview_leads_to_codes_that_wait(shown):
    before = shown.get(INDEX).text
    shown.post(SHOWN)

    assert SHOWN in before
    assert SHOWN not in shown.get(INDEX).text


def test_a_new_session_id_keeps_the_codes(shown):
    before = codes_on(shown.get(SHOWN))
    session = shown.session
    session.cycle_key()
    session.save()
    shown.cookies["session"] = session.session_key

    assert codes_on(shown.get(SHOWN)) == before


@pytest.mark.parametrize("path", [SHOWN, "/accounts/"])
def test_ten_minutes_later_the_codes_are_gone(shown, path):
    with time_machine.travel(timezone.now() + timedelta(minutes=10, seconds=5)):
        shown.get(path)

        assert shown.get(SHOWN)["Location"] == INDEX
    assert "shown_codes" not in shown.session


def test_a_copy_of_the_cookie_from_before_reads_no_codes(shown):
    thief = Client(headers={"user-agent": CHROME})
    thief.cookies["session"] = shown.cookies["session"].value
    made = shown.post(NEW)

    assert made["Location"] == SHOWN
    assert thief.get(SHOWN)["Location"].startswith("/accounts/login/")
    assert len(codes_on(shown.get(SHOWN))) == 10


def test_another_browser_of_the_same_user_gets_no_codes(shown, user):
    other = Client(headers={"user-agent": CHROME})
    codes = codes_on(shown.get(SHOWN))
    sign_in(other, user)
    other.post("/accounts/2fa/authenticate/", {"code": codes[0]})

    assert other.get(SHOWN)["Location"] == INDEX
    assert Client().get(SHOWN)["Location"].startswith("/accounts/login/")


def test_codes_of_another_sign_in_are_not_shown(shown):
    session = shown.session
    session["shown_codes"] |= {"sid": str(AuthSession(user_id=None).pk)}
    session.save()

    assert shown.get(SHOWN)["Location"] == INDEX
    assert "shown_codes" not in shown.session


def test_replaced_codes_are_not_shown(shown, user):
    recovery_codes.add(user)

    assert shown.get(SHOWN)["Location"] == INDEX


def test_codes_are_not_shown_after_their_key_is_gone(shown, settings):
    entry = shown.session["shown_codes"]
    session = shown.session
    session["shown_codes"] = entry | {"codes": entry["codes"][::-1]}
    session.save()

    assert shown.get(SHOWN)["Location"] == INDEX
