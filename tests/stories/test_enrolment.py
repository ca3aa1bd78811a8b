"""Add and remove second factors: only by a fresh proof, with a mail and an event, at every door."""

import json
import re
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.test import Client
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.signins.models import AuthSession
from tests.kit.clients import CHROME, bearer, is_signed_in, sign_in
from tests.kit.factories import AuthSessionFactory
from tests.kit.factors import app_code, enrol, row_of, wrong_code
from tests.kit.proofs import confirm_by_password, let_proofs_age
from tests.kit.racing import at_once

pytestmark = pytest.mark.django_db
INDEX = "/accounts/2fa/"
ADD = "/accounts/2fa/totp/activate/"
REMOVE = "/accounts/2fa/totp/deactivate/"
CODES = "/accounts/2fa/recovery-codes/generate/"
APP = "account/authenticators/totp"
RECOVERY = "account/authenticators/recovery-codes"


def secret_on(page):
    return re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', page.text)[1].replace(" ", "")


def codes_on(page):
    return re.findall(r"<li><code>([0-9a-z]{5}-[0-9a-z]{5})</code></li>", page.text)


def add_app(browser):
    """Add an app by the page. Return its secret, and the page with the recovery codes."""
    secret = secret_on(browser.get(ADD))
    return secret, browser.post(ADD, {"code": app_code(secret)}, follow=True)


@pytest.fixture
def enrolled(browser, user):
    """Return the factors of a user whose browser has signed in by them."""
    factors = enrol(user)
    sign_in(browser, user)
    browser.post("/accounts/2fa/authenticate/", {"code": factors[1].pop()})
    return factors


def headless(caller, client, verb, path, body=None, **headers):
    return caller.generic(
        verb,
        f"/_allauth/{client}/v1/{path}",
        json.dumps(body or {}),
        content_type="application/json",
        headers=headers,
    )


# Pages


def test_a_page_adds_an_app_and_shows_the_codes_once(signed_in, user, another_browser):
    form = signed_in.get(ADD)
    _, shown = add_app(signed_in)

    assert 'src="data:image/svg+xml;base64,' in form.text
    assert "otpauth://totp/" in form.text
    assert "no-store" in form["Cache-Control"]
    assert shown.status_code == 200
    assert len(set(codes_on(shown))) == 10
    assert "no-store" in shown["Cache-Control"]
    assert not codes_on(signed_in.get(INDEX))
    assert "10 codes are left" in signed_in.get(INDEX).text
    assert sign_in(another_browser, user)["Location"] == "/accounts/2fa/authenticate/"
    another_browser.post("/accounts/2fa/authenticate/", {"code": codes_on(shown)[4]})
    assert is_signed_in(another_browser)


def test_the_code_that_added_the_app_signs_nobody_in(signed_in, user, another_browser):
    secret = secret_on(signed_in.get(ADD))
    code = app_code(secret)
    signed_in.post(ADD, {"code": code})
    sign_in(another_browser, user)
    another_browser.post("/accounts/2fa/authenticate/", {"code": code})

    assert not is_signed_in(another_browser)


def test_a_wrong_code_adds_nothing(signed_in):
    secret = secret_on(signed_in.get(ADD))
    answer = signed_in.post(ADD, {"code": wrong_code(secret)})

    assert "Is the clock of your device right?" in answer.text
    assert secret_on(answer) == secret
    assert not Authenticator.objects.exists()


def test_adding_ends_all_other_sign_ins(signed_in, user, pair):
    before = signed_in.cookies["session"].value
    AuthSessionFactory(user=user)
    add_app(signed_in)

    left = AuthSession.objects.get(revoked_at=None)
    assert is_signed_in(signed_in)
    assert signed_in.cookies["session"].value != before
    assert left.amr == ["pwd", "otp", "mfa"]
    assert {row.revoked_reason for row in AuthSession.objects.exclude(pk=left.pk)} == {
        "factor_added"
    }
    assert Client().get("/api/me/", headers=bearer(pair["access"])).status_code == 401


def test_adding_is_recorded_and_mailed(signed_in, user, deliver):
    add_app(signed_in)

    event = AuditEvent.objects.get(type="factor.added")
    mail = deliver()[-1]
    assert (event.user, event.reason, event.user_agent) == (user, "totp", CHROME)
    assert mail.to == [user.email]
    assert "Authenticator app" in mail.body


def test_a_stolen_cookie_adds_no_app(signed_in):
    let_proofs_age()
    shown, sent = signed_in.get(ADD), signed_in.post(ADD, {"code": "123456"})

    for answer in (shown, sent):
        assert answer["Location"].startswith("/accounts/reauthenticate/?next=")
    assert not Authenticator.objects.exists()


def test_a_page_adds_an_app_after_a_fresh_proof(signed_in):
    let_proofs_age()
    asked = signed_in.get(ADD)
    confirmed = confirm_by_password(signed_in, asked)

    assert confirmed["Location"] == ADD
    assert len(codes_on(add_app(signed_in)[1])) == 10


def test_an_unproved_address_gets_no_factor(signed_in, user):
    EmailAddress.objects.create(user=user, email="new@example.com", verified=False)

    assert signed_in.get(ADD)["Location"] == INDEX
    assert not Authenticator.objects.exists()


def test_a_second_app_is_refused(browser, user, enrolled):
    assert browser.get(ADD)["Location"] == REMOVE
    assert browser.post(ADD, {"code": "123456"})["Location"] == REMOVE
    assert Authenticator.objects.filter(type="totp").count() == 1


def test_a_page_removes_the_app_and_its_recovery_codes(
    browser, user, enrolled, deliver, another_browser
):
    page = browser.get(REMOVE)
    done = browser.post(REMOVE)

    assert page.status_code == 200
    assert done["Location"] == INDEX
    assert not Authenticator.objects.exists()
    assert AuditEvent.objects.get(type="factor.removed").reason == "totp"
    assert "no longer asks" in deliver()[-1].body
    assert sign_in(another_browser, user)["Location"] == "/accounts/"


def test_removing_an_app_in_a_second_tab_leads_back(signed_in):
    for call in (signed_in.get, signed_in.post):
        assert call(REMOVE)["Location"] == INDEX
        assert "The app is removed already." in signed_in.get(INDEX).text


def test_removing_needs_the_factor(browser, enrolled):
    let_proofs_age()
    for call in (browser.get, browser.post):
        assert call(REMOVE)["Location"].startswith("/accounts/2fa/reauthenticate/")

    assert Authenticator.objects.count() == 2


def test_a_page_makes_new_recovery_codes(browser, user, enrolled, deliver):
    shown = browser.post(CODES, follow=True)

    assert len(codes_on(shown)) == 10
    assert not set(codes_on(shown)) & set(enrolled[1])
    assert AuditEvent.objects.filter(type="recovery_codes.replaced").count() == 1
    assert "The old ones no longer work." in deliver()[-1].body


def test_new_recovery_codes_need_the_factor(browser, enrolled):
    let_proofs_age()
    before = row_of(AuthSession.objects.first().user, "recovery_codes").data
    for call in (browser.get, browser.post):
        assert call(CODES)["Location"].startswith("/accounts/2fa/reauthenticate/")

    assert Authenticator.objects.get(type="recovery_codes").data == before


def test_recovery_codes_need_another_factor(signed_in):
    for call in (signed_in.get, signed_in.post):
        assert call(CODES)["Location"] == INDEX
    assert not Authenticator.objects.exists()


def test_few_recovery_codes_are_warned_of(browser, user, enrolled):
    row = row_of(user, "recovery_codes")
    row.data["left"] = row.data["left"][:3]
    row.save()

    assert "Few left" in browser.get(INDEX).text


def test_a_used_recovery_code_is_mailed(browser, user, enrolled, deliver):
    assert "9 are left." in deliver()[-1].body
    assert AuditEvent.objects.filter(type="recovery_code.used", user=user).count() == 1


def test_the_page_of_an_account_without_a_factor(signed_in):
    page = signed_in.get(INDEX).text

    assert ADD in page
    assert CODES not in page


@pytest.mark.django_db(transaction=True)
def test_one_of_two_apps_added_at_once_stays(user):
    browsers = [Client(headers={"user-agent": CHROME}, raise_request_exception=False) for _ in "ab"]
    for browser in browsers:
        sign_in(browser, user)
    secrets = [secret_on(browser.get(ADD)) for browser in browsers]

    def add(number):
        return browsers[number].post(ADD, {"code": app_code(secrets[number])}).status_code

    assert at_once(2, add).count(303) == 1
    assert Authenticator.objects.filter(type="totp").count() == 1
    assert AuthSession.objects.filter(revoked_at=None).count() == 1


# The headless API


def test_an_app_adds_a_factor_and_gets_the_codes(pair, user):
    headers = bearer(pair["access"])
    offered = headless(Client(), "app", "GET", APP, **headers)
    secret = offered.json()["meta"]["secret"]
    added = headless(Client(), "app", "POST", APP, {"code": app_code(secret)}, **headers)
    codes = added.json()["meta"]["recovery_codes"]

    assert offered.status_code == 404
    assert added.status_code == 200, added.content
    assert len(codes) == 10
    assert added.json()["data"]["type"] == "totp"
    assert sign_in(Client(), user, door="api").json()["code"] == "mfa_required"
    listed = headless(Client(), "app", "GET", "account/authenticators", **headers).json()["data"]
    assert {row["type"]: row.get("unused_code_count") for row in listed} == {
        "totp": None,
        "recovery_codes": 10,
    }
    again = headless(Client(), "app", "GET", RECOVERY, **headers)
    assert codes[0] not in again.text
    assert "unused_codes" not in again.json()["data"]


def test_an_app_adds_no_second_app(pair, user):
    headers = bearer(pair["access"])
    secret = headless(Client(), "app", "GET", APP, **headers).json()["meta"]["secret"]
    headless(Client(), "app", "POST", APP, {"code": app_code(secret)}, **headers)
    body = {"code": app_code(secret, 1)}
    caller = Client(raise_request_exception=False)

    assert headless(caller, "app", "POST", APP, body, **headers).status_code in (400, 409)
    assert Authenticator.objects.filter(type="totp").count() == 1


@pytest.mark.parametrize("client", ["app", "browser"])
@pytest.mark.parametrize(("verb", "path"), [("POST", APP), ("DELETE", APP), ("POST", RECOVERY)])
def test_a_stolen_credential_changes_no_factor_by_headless(browser, user, post, client, verb, path):
    secret, plain = enrol(user)
    token = sign_in(Client(), user, door="api").json()["mfa_token"]
    pair = post("/api/token/mfa/", {"mfa_token": token, "code": plain[0]}).json()
    sign_in(browser, user)
    browser.post("/accounts/2fa/authenticate/", {"code": plain[1]})
    let_proofs_age()
    before = list(Authenticator.objects.values())
    caller, headers = (Client(), bearer(pair["access"])) if client == "app" else (browser, {})
    if (verb, path) == ("POST", APP):
        Authenticator.objects.all().delete()
        before = []
        secret = headless(caller, client, "GET", APP, **headers).json()["meta"]["secret"]
    answer = headless(caller, client, verb, path, {"code": app_code(secret)}, **headers)

    assert answer.status_code == 401
    assert list(Authenticator.objects.values()) == before


def test_an_app_removes_the_factor_after_a_proof_by_it(user, post):
    _, plain = enrol(user)
    token = sign_in(Client(), user, door="api").json()["mfa_token"]
    pair = post("/api/token/mfa/", {"mfa_token": token, "code": plain[0]}).json()
    headers = bearer(pair["access"])
    made = headless(Client(), "app", "POST", RECOVERY, **headers)
    removed = headless(Client(), "app", "DELETE", APP, **headers)

    assert len(made.json()["data"]["unused_codes"]) == 10
    assert removed.status_code == 200
    assert not Authenticator.objects.exists()
    assert AuditEvent.objects.filter(type="factor.removed").count() == 1


# Several tabs


def test_two_tabs_show_the_same_secret_until_it_is_used(signed_in, user):
    first, second = secret_on(signed_in.get(ADD)), secret_on(signed_in.get(ADD))
    assert signed_in.post(ADD, {"code": app_code(first)}).status_code == 303
    row_of(user).delete()

    assert first == second
    assert secret_on(signed_in.get(ADD)) != first


def test_a_secret_that_nobody_used_is_replaced_after_15_minutes(signed_in):
    first = secret_on(signed_in.get(ADD))
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=True):
        AuthSession.objects.update(auth_time=timezone.now())
        late = signed_in.post(ADD, {"code": app_code(first)})

    assert "That isn" in late.text
    assert secret_on(late) != first


def test_another_sign_in_of_the_browser_gets_another_secret(signed_in, user):
    first = secret_on(signed_in.get(ADD))
    signed_in.post("/accounts/logout/")
    sign_in(signed_in, user)

    assert secret_on(signed_in.get(ADD)) != first
