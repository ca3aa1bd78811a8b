"""Make accounts add a second factor at their next sign-in, at every door, as the policy says."""

import json
import re
import subprocess
import sys
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.factors import policy
from accounts.signins.models import AuthSession
from tests.kit.clients import CHROME, bearer, is_signed_in, sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.factors import app_code, enrol, enrol_passkey, row_of, wrong_code
from tests.kit.mails import code_in
from tests.kit.passkeys import SoftAuthenticator

pytestmark = pytest.mark.django_db
ENROL = "/accounts/2fa/enrol/"
ADMIN = "/admin/"


def secret_on(page):
    return re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', page.text)[1].replace(" ", "")


@pytest.fixture
def staff():
    return UserFactory(admin=True)


@pytest.fixture
def for_staff(settings):
    settings.MFA_REQUIRED_FOR = "staff"


@pytest.mark.parametrize(
    ("who", "visitor", "staff", "member"),
    [
        ("nobody", False, False, False),
        ("staff", False, True, False),
        ("all", True, True, True),
        ("group:Keepers", False, False, True),
    ],
)
def test_the_policy_names_accounts(settings, who, visitor, staff, member):
    settings.MFA_REQUIRED_FOR = who
    users = [UserFactory(), UserFactory(staff=True), UserFactory()]
    users[2].groups.add(Group.objects.create(name="Keepers"))

    assert [policy.is_due(user) for user in users] == [visitor, staff, member]


@pytest.mark.parametrize(("days", "is_due"), [(-1, True), (0, True), (1, False)])
def test_the_policy_begins_on_its_day(settings, for_staff, staff, days, is_due):
    settings.MFA_REQUIRED_FROM = timezone.localdate() + timedelta(days=days)

    assert policy.is_due(staff) is is_due


@pytest.mark.parametrize(
    ("env", "printed"),
    [
        ({"MFA_REQUIRED_FOR": ""}, "staff"),
        ({"MFA_REQUIRED_FOR": "", "DEMO": "1"}, "nobody"),
        ({"MFA_REQUIRED_FOR": "staff", "DEMO": "1"}, "staff"),
        ({"MFA_REQUIRED_FOR": "everybody"}, "ImproperlyConfigured"),
        ({"MFA_REQUIRED_FROM": "soon"}, "ImproperlyConfigured"),
    ],
    ids=["default", "demo", "set in a demo", "unknown", "no day"],
)
@pytest.mark.servers
def test_the_default_of_the_policy(env, printed, monkeypatch):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    code = "from config import settings; print(settings.MFA_REQUIRED_FOR)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )

    assert printed in done.stdout + done.stderr


# Enrolment at the next sign-in


def test_a_page_asks_staff_to_add_an_app(for_staff, staff, browser):
    asked = sign_in(browser, staff)
    before = is_signed_in(browser)
    secret = secret_on(browser.get(ENROL))
    wrong = browser.post(ENROL, {"code": wrong_code(secret)})
    shown = browser.post(ENROL, {"code": app_code(secret)}, follow=True)

    assert asked["Location"] == ENROL
    assert not before
    assert wrong.status_code == 200
    assert secret_on(wrong) == secret
    assert shown.text.count("<li><code>") == 10
    assert browser.post(shown.request["PATH_INFO"])["Location"] == "/accounts/"
    assert is_signed_in(browser)
    assert AuthSession.objects.get().amr == ["pwd", "otp", "mfa"]
    assert AuditEvent.objects.filter(type="factor.added").count() == 1


def test_two_tabs_show_the_same_picture(for_staff, staff, browser):
    sign_in(browser, staff)
    first, second = secret_on(browser.get(ENROL)), secret_on(browser.get(ENROL))

    assert first == second
    assert browser.post(ENROL, {"code": app_code(first)}).status_code == 303
    assert is_signed_in(browser)


def test_another_sign_in_shows_another_picture(for_staff, staff, browser):
    shown = []
    for _ in range(2):
        sign_in(browser, staff)
        shown.append(secret_on(browser.get(ENROL)))
        browser.post("/accounts/logout/")

    assert shown[0] != shown[1]


def test_the_headless_api_answers_the_same_secret_again(held_up):
    first, second = [held_up("GET", "2fa/enrol").json()["data"]["secret"] for _ in range(2)]

    assert first == second


def test_others_are_not_asked(for_staff, user, browser):
    assert sign_in(browser, user)["Location"] == "/accounts/"


def test_staff_with_a_factor_give_a_code_only(for_staff, staff, browser):
    secret, _ = enrol(staff)

    assert sign_in(browser, staff)["Location"] == "/accounts/2fa/authenticate/"
    assert browser.post("/accounts/2fa/authenticate/", {"code": app_code(secret)})["Location"]
    assert is_signed_in(browser)


def test_the_page_needs_the_first_step(for_staff, browser):
    assert browser.get(ENROL)["Location"] == "/accounts/login/"
    assert browser.post(ENROL, {"code": "123456"})["Location"] == "/accounts/login/"


def test_a_changed_password_ends_the_enrolment(for_staff, staff, browser):
    sign_in(browser, staff)
    secret = secret_on(browser.get(ENROL))
    staff.set_password("a new long password")
    staff.save()
    done = browser.post(ENROL, {"code": app_code(secret)})

    assert done["Location"] == "/accounts/login/"
    assert not staff.authenticator_set.exists()
    assert not is_signed_in(browser)


def test_an_app_added_elsewhere_meanwhile_stays(for_staff, staff, browser):
    sign_in(browser, staff)
    secret = secret_on(browser.get(ENROL))
    enrol(staff)
    before = row_of(staff).data
    browser.raise_request_exception = False
    browser.post(ENROL, {"code": app_code(secret)})

    assert row_of(staff).data == before
    assert not is_signed_in(browser)


def test_a_passkey_added_elsewhere_meanwhile_lets_no_app_in(for_staff, staff, browser):
    """A thief with the password waits on the page while the owner adds a passkey."""
    sign_in(browser, staff)
    secret = secret_on(browser.get(ENROL))
    enrol_passkey(staff)
    browser.raise_request_exception = False
    browser.post(ENROL, {"code": app_code(secret)})

    assert [row.type for row in staff.authenticator_set.all()] == ["webauthn"]
    assert not is_signed_in(browser)


def test_the_api_says_how_to_enrol(for_staff, staff, settings):
    answer = sign_in(Client(), staff, door="api")
    body = answer.json()

    assert answer.status_code == 401
    assert body["code"] == "mfa_enrolment_required"
    assert body["enrolment_url"] == f"{settings.SITE_URL}/accounts/2fa/"
    assert not AuthSession.objects.exists()


@pytest.mark.parametrize("client", ["app", "browser"])
def test_the_headless_api_enrols(for_staff, staff, client):
    caller = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    path = f"/_allauth/{client}/v1/auth"
    body = {"email": staff.email, "password": PASSWORD}
    asked = caller.post(f"{path}/login", json.dumps(body), content_type="application/json")
    session = asked.json()["meta"].get("session_token")
    headers = {"x-session-token": session} if session else {}
    pending = [flow for flow in asked.json()["data"]["flows"] if flow.get("is_pending")]
    secret = caller.get(f"{path}/2fa/enrol", headers=headers).json()["data"]["secret"]

    def send(code):
        return caller.post(
            f"{path}/2fa/enrol",
            json.dumps({"code": code}),
            content_type="application/json",
            headers=headers,
        )

    wrong, done = send(wrong_code(secret)), send(app_code(secret))

    assert pending == [{"id": "mfa_enrol", "is_pending": True}]
    assert wrong.status_code == 400
    assert done.status_code == 200, done.content
    assert len(done.json()["meta"]["recovery_codes"]) == 10
    assert AuthSession.objects.get().amr == ["pwd", "otp", "mfa"]
    if client == "app":
        access = done.json()["meta"]["access_token"]
        assert Client().get("/api/me/", headers=bearer(access)).status_code == 200


@pytest.fixture(params=["app", "browser"])
def held_up(request, for_staff, staff):
    """Begin a sign-in that the policy holds up. Returns a function for calls below `auth/`."""
    caller = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    headers = {}

    def call(method, address, body=None):
        return caller.generic(
            method,
            f"/_allauth/{request.param}/v1/auth/{address}",
            "" if body is None else json.dumps(body),
            content_type="application/json",
            headers=headers,
        )

    begun = call("POST", "login", {"email": staff.email, "password": PASSWORD})
    if token := begun.json()["meta"].get("session_token"):
        headers["x-session-token"] = token
    return call


def test_the_headless_api_enrols_a_passkey(held_up, staff):
    phone = SoftAuthenticator()
    asked = held_up("GET", "webauthn/enrol").json()["data"]["creation_options"]["publicKey"]
    done = held_up("POST", "webauthn/enrol", {"credential": phone.create(asked)})

    assert asked["user"]["name"] == staff.email
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert done.status_code == 200, done.content
    assert len(done.json()["meta"]["recovery_codes"]) == 10
    assert AuthSession.objects.get().amr[0] == "pwd"
    assert AuthSession.objects.get().amr[-1] == "mfa"
    assert Authenticator.objects.get(type="webauthn").user == staff


def test_a_refused_passkey_enrols_nothing(held_up):
    phone = SoftAuthenticator()
    asked = held_up("GET", "webauthn/enrol").json()["data"]["creation_options"]["publicKey"]
    held_up("POST", "webauthn/enrol", {"credential": {}})
    credential = phone.create(asked | {"challenge": "AAAA"})
    refused = held_up("POST", "webauthn/enrol", {"credential": credential})

    assert refused.status_code == 400
    assert not Authenticator.objects.exists()
    assert not AuthSession.objects.exists()


def test_a_passkey_is_not_enrolled_after_a_new_password(held_up, staff):
    asked = held_up("GET", "webauthn/enrol").json()["data"]["creation_options"]["publicKey"]
    staff.set_password("a new long password")
    staff.save()
    held_up("POST", "webauthn/enrol", {"credential": SoftAuthenticator().create(asked)})

    assert not Authenticator.objects.exists()
    assert not AuthSession.objects.exists()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_passkey_is_enrolled_without_a_sign_in_that_waits(for_staff, app, method):
    assert app(method, "auth/webauthn/enrol", {"credential": {}}).status_code in {401, 409}


def test_before_its_day_the_policy_is_announced(for_staff, staff, browser, settings):
    settings.MFA_REQUIRED_FROM = timezone.localdate() + timedelta(days=9)

    assert sign_in(browser, staff)["Location"] == "/accounts/"
    assert "needs a second step. Add an app before." in browser.get("/accounts/").text
    assert browser.get(ADMIN).status_code == 200


# The admin


@pytest.fixture
def former(browser, staff, settings):
    """Return a browser that signed in before the policy."""
    sign_in(browser, staff)
    settings.MFA_REQUIRED_FOR = "staff"
    return browser


@pytest.mark.parametrize("path", [ADMIN, "/admin/accounts/user/", "/admin/accounts/auditevent/"])
def test_the_admin_refuses_a_sign_in_from_before_the_policy(former, path):
    assert former.get(path)["Location"] == "/accounts/2fa/totp/activate/"
    assert former.post(path)["Location"] == "/accounts/2fa/totp/activate/"


def test_the_admin_opens_after_the_app_was_added(former):
    page = former.get("/accounts/2fa/totp/activate/")
    former.post("/accounts/2fa/totp/activate/", {"code": app_code(secret_on(page))})

    assert former.get(ADMIN).status_code == 200


def test_the_admin_stays_open_for_others_policy(former, settings):
    settings.MFA_REQUIRED_FOR = "group:Keepers"

    assert former.get(ADMIN).status_code == 200


def test_the_admin_filters_users_by_their_factors(staff, browser, user):
    enrol(user)
    sign_in(browser, staff)

    shown = {
        value: browser.get(f"/admin/accounts/user/?second_step={value}").text
        for value in ("yes", "no")
    }

    assert user.email in shown["yes"]
    assert user.email not in shown["no"]


def test_a_new_account_adds_an_app_after_its_email_is_proved(settings, browser, deliver):
    settings.MFA_REQUIRED_FOR = "all"
    form = {"email": "new@example.com", "password1": "a long new password"}
    browser.post("/accounts/signup/", form)
    asked = browser.post("/accounts/confirm-email/", {"code": code_in(deliver()[-1])})
    before = is_signed_in(browser)
    secret = secret_on(browser.get(ENROL))
    browser.post(ENROL, {"code": app_code(secret)})

    assert asked["Location"] == ENROL
    assert not before
    assert is_signed_in(browser)


def test_a_new_account_by_a_providers_token_must_enrol(settings, google, send):
    settings.MFA_REQUIRED_FOR = "all"
    answer = send("api", google, google.native())

    assert answer.json()["code"] == "mfa_enrolment_required"
    assert not AuthSession.objects.exists()


# A passkey in place of the app


def make_passkey(browser, **lies):
    options = browser.get("/accounts/2fa/passkeys/options/register/").json()
    credential = SoftAuthenticator().create(options, **lies)
    return browser.post(ENROL, {"credential": json.dumps(credential)})


def test_a_passkey_can_be_made_instead(for_staff, staff, browser):
    sign_in(browser, staff)
    page = browser.get(ENROL)
    shown = browser.get(make_passkey(browser)["Location"])

    assert 'data-passkey="create"' in page.text
    assert page.text.count('name="code"') == 1
    assert shown.text.count("<li><code>") == 10
    assert is_signed_in(browser)
    assert AuthSession.objects.get().amr == ["pwd", "pop", "user", "mfa"]


def test_a_wrong_passkey_leaves_the_sign_in_waiting(for_staff, staff, browser):
    sign_in(browser, staff)
    refused = make_passkey(browser, origin="https://evil.example")

    assert "not accepted" in refused.text
    assert secret_on(refused)
    assert not staff.authenticator_set.exists()
    assert not is_signed_in(browser)


@pytest.mark.parametrize("theirs", [enrol, enrol_passkey])
@pytest.mark.parametrize("way", ["app", "passkey"])
def test_a_factor_added_meanwhile_keeps_a_thief_with_the_password_out(
    for_staff, staff, browser, theirs, way
):
    """Their sign-in waits for a first factor. It must not add one beside the owner's."""
    sign_in(browser, staff)
    secret = secret_on(browser.get(ENROL))
    theirs(staff)
    before = sorted(staff.authenticator_set.values_list("pk", flat=True))
    browser.raise_request_exception = False
    if way == "app":
        answer = browser.post(ENROL, {"code": app_code(secret)})
    else:
        answer = make_passkey(browser)

    assert answer.status_code == 409
    assert sorted(staff.authenticator_set.values_list("pk", flat=True)) == before
    assert not is_signed_in(browser)
