"""Every refusal by a limit says when to try again: pages, the API and the headless API."""

import json
import re
import time
from dataclasses import replace

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as site
from django.test import Client

from accounts import routes
from accounts.signins import sessions
from tests.kit.clients import CHROME, bearer
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.factors import enrol, enrol_passkey
from tests.kit.standins import LINK_PAGE, MINJI

pytestmark = pytest.mark.django_db
SECONDS = 42
WRONG, LONG = "not the password", "another long pass phrase"
APP = "/_allauth/app/v1/"


@pytest.fixture(autouse=True)
def one_each(settings):
    """Allow one event of each kind in 42 seconds."""
    settings.LIMITS = dict.fromkeys(settings.LIMITS, (1, SECONDS))
    settings.ACCOUNT_RATE_LIMITS = {
        action: rates and re.sub(r"\d+/\d+s", f"1/{SECONDS}s", rates)
        for action, rates in settings.ACCOUNT_RATE_LIMITS.items()
    }


def only(settings, *names):
    """Switch all limits off but these."""
    off = {name: (1000, 60) for name in settings.LIMITS if name not in names}
    settings.LIMITS = settings.LIMITS | off


class World:
    """The fixtures of the scenarios: people, browsers, apps and the providers' stand-ins."""

    def __init__(self, request):
        self.fixture = request.getfixturevalue
        self.settings = self.fixture("settings")
        self.monkeypatch = self.fixture("monkeypatch")
        self.language = "en"

    def client(self, **more):
        headers = {"user-agent": CHROME, "accept-language": self.language}
        return Client(raise_request_exception=False, headers=headers, **more)

    def post_json(self, path, body, **headers):
        return self.client().post(
            path, json.dumps(body), content_type="application/json", headers=headers
        )

    def signed_in(self, user):
        browser = self.client()
        browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
        return browser

    def token(self, user):
        body = {"email": user.email, "password": PASSWORD}
        return self.post_json("/api/token/", body).json()


SCENARIOS, WITH_KAKAO = {}, {}


def scenario(*names, door, into=SCENARIOS):
    """Register a function that calls a door until it refuses, and returns the answers."""

    def register(run):
        for name in names:
            into[name, door] = run
        return run

    return register


@scenario("sign_in_account", "sign_in_account_day", "sign_in_network", door="page")
def wrong_password_page(world):
    form = {"login": UserFactory().email, "password": WRONG}
    return [world.client().post("/accounts/login/", form) for _ in range(2)]


@scenario("sign_in_account", "sign_in_account_day", "sign_in_network", door="api")
def wrong_password_api(world):
    body = {"email": UserFactory().email, "password": WRONG}
    return [world.post_json("/api/token/", body) for _ in range(2)]


@scenario("sign_in_account", "sign_in_account_day", "sign_in_network", door="app")
def wrong_password_app(world):
    body = {"email": UserFactory().email, "password": WRONG}
    return [world.post_json(f"{APP}auth/login", body) for _ in range(2)]


@scenario("sign_in_device", door="page")
def wrong_password_known_device(world):
    user = UserFactory()
    browser = world.signed_in(user)
    browser.post("/accounts/logout/")
    form = {"login": user.email, "password": WRONG}
    return [browser.post("/accounts/login/", form) for _ in range(2)]


@scenario("sign_in_device", door="change page")
def wrong_old_password(world):
    browser = world.signed_in(UserFactory())
    form = {"oldpassword": WRONG, "password1": LONG}
    return [browser.post("/accounts/password/change/", form) for _ in range(2)]


@scenario("sign_in_account", door="admin")
def wrong_password_admin(world):
    form = {"login": UserFactory(admin=True).email, "password": WRONG}
    page = world.client().get("/admin/login/?next=/admin/")["Location"]
    return [world.client().post(page, form) for _ in range(2)]


@scenario("sign_in_account", door="link page", into=WITH_KAKAO)
def wrong_password_link(world):
    UserFactory(email=MINJI)
    browser = world.client()
    world.fixture("walk")(world.fixture("kakao"), browser)
    key = re.search(r'name="link" value="([^"]+)"', browser.get(LINK_PAGE).text)[1]
    form = {"link": key, "proof": "password", "password": WRONG}
    return [browser.post(LINK_PAGE, form) for _ in range(2)]


@scenario("factor", "factor_day", door="page")
def wrong_second_step_page(world):
    user = UserFactory()
    enrol(user)
    browser = world.signed_in(user)
    path = "/accounts/2fa/authenticate/"
    return [browser.post(path, {"code": "000000"}) for _ in range(2)]


@scenario("factor", "factor_day", door="api")
def wrong_second_step_api(world):
    user = UserFactory()
    enrol(user)
    body = {"mfa_token": world.token(user)["mfa_token"], "code": "000000"}
    return [world.post_json("/api/token/mfa/", body) for _ in range(2)]


@scenario("factor", "factor_day", door="app")
def wrong_second_step_app(world):
    user = UserFactory()
    enrol(user)
    asked = world.post_json(f"{APP}auth/login", {"email": user.email, "password": PASSWORD})
    headers = {"x-session-token": asked.json()["meta"]["session_token"]}
    path = f"{APP}auth/2fa/authenticate"
    return [world.post_json(path, {"code": "000000"}, **headers) for _ in range(2)]


@scenario("sign_up", door="page")
def sign_up_page(world):
    world.settings.ACCOUNT_RATE_LIMITS["signup"] = None
    forms = [{"email": f"{name}@example.org", "password1": LONG} for name in "ab"]
    return [world.client().post("/accounts/signup/", form) for form in forms]


@scenario("sign_up", door="app")
def sign_up_app(world):
    world.settings.ACCOUNT_RATE_LIMITS["signup"] = None
    bodies = [{"email": f"{name}@example.org", "password": LONG} for name in "ab"]
    return [world.post_json(f"{APP}auth/signup", body) for body in bodies]


@scenario("form", door="page")
def refused_sign_up_page(world):
    form = {"email": "a@example.org", "password1": "short"}
    return [world.client().post("/accounts/signup/", form) for _ in range(2)]


@scenario("form", door="app")
def refused_sign_up_app(world):
    body = {"email": "a@example.org", "password": "short"}
    return [world.post_json(f"{APP}auth/signup", body) for _ in range(2)]


@scenario("reset", door="page of two addresses")
def reset_two_page(world):
    path = "/accounts/password/reset/"
    return [world.client().post(path, {"email": f"{name}@example.org"}) for name in "ab"]


@scenario("reset", door="app of two addresses")
def reset_two_app(world):
    path = f"{APP}auth/password/request"
    return [world.post_json(path, {"email": f"{name}@example.org"}) for name in "ab"]


@scenario("reset_address", door="page")
def reset_page(world):
    form = {"email": UserFactory().email}
    return [world.client().post("/accounts/password/reset/", form) for _ in range(2)]


@scenario("reset_address", door="app")
def reset_app(world):
    body = {"email": UserFactory().email}
    return [world.post_json(f"{APP}auth/password/request", body) for _ in range(2)]


@scenario("form", door="key page")
def reset_key_page(world):
    path = "/accounts/password/reset/key/1-set-password/"
    return [world.client().post(path, {"password1": LONG}) for _ in range(2)]


@scenario("form", door="key app")
def reset_key_app(world):
    body = {"key": "x", "password": LONG}
    return [world.post_json(f"{APP}auth/password/reset", body) for _ in range(2)]


@scenario("code", door="entrance page of two addresses")
def code_entrance_page(world):
    path = "/accounts/login/code/"
    return [world.client().post(path, {"email": f"{name}@example.org"}) for name in "ab"]


@scenario("code", door="api of two addresses")
def code_entrance_api(world):
    bodies = [{"email": f"{name}@example.org"} for name in "ab"]
    return [world.post_json("/api/token/code/", body) for body in bodies]


@scenario("code", door="entrance app of two addresses")
def code_entrance_app(world):
    bodies = [{"email": f"{name}@example.org"} for name in "ab"]
    return [world.post_json(f"{APP}auth/code/request", body) for body in bodies]


@scenario("code_address", door="page")
def code_page(world):
    user = UserFactory()
    browser = world.signed_in(user)
    path = "/accounts/reauthenticate/code/"
    world.settings.ACCOUNT_RATE_LIMITS["reauthenticate"] = None
    return [browser.post(path, {"recipient": user.email}) for _ in range(2)]


@scenario("code_address", door="link page", into=WITH_KAKAO)
def code_link_page(world):
    UserFactory(email=MINJI)
    browser = world.client()
    world.fixture("walk")(world.fixture("kakao"), browser)
    key = re.search(r'name="link" value="([^"]+)"', browser.get(LINK_PAGE).text)[1]
    return [browser.post(LINK_PAGE, {"link": key, "proof": "code"}) for _ in range(2)]


@scenario("code_address", door="app")
def code_app(world):
    user = UserFactory()
    access = world.token(user)["access"]
    path = f"{APP}auth/reauthenticate/code/request"
    world.settings.ACCOUNT_RATE_LIMITS["reauthenticate"] = None
    return [world.post_json(path, {"email": user.email}, **bearer(access)) for _ in range(2)]


@scenario("social_browser", door="page", into=WITH_KAKAO)
def ways_of_a_browser(world):
    """The first answer sets the cookie by which the browser is known."""
    browser = world.client()
    return [browser.post("/accounts/kakao/login/") for _ in range(3)]


@scenario("social_start", door="page", into=WITH_KAKAO)
def ways_page(world):
    return [world.client().post("/accounts/kakao/login/") for _ in range(2)]


@scenario("social_start", door="headless", into=WITH_KAKAO)
def ways_headless(world):
    form = {"provider": "kakao", "callback_url": "http://testserver/", "process": "login"}
    path = "/_allauth/browser/v1/auth/provider/redirect"
    return [world.client().post(path, form) for _ in range(2)]


@scenario("social", door="callback", into=WITH_KAKAO)
def callback(world):
    path = "/accounts/kakao/login/callback/"
    return [world.client().get(path, {"state": "x", "code": "y"}) for _ in range(2)]


@scenario("social", door="api", into=WITH_KAKAO)
def provider_token_api(world):
    body = {"provider": "kakao", "id_token": "a.b.c"}
    return [world.post_json("/api/token/social/", body) for _ in range(2)]


@scenario("social", door="app", into=WITH_KAKAO)
def provider_token_app(world):
    token = {"client_id": world.fixture("kakao").native_client, "id_token": "a.b.c"}
    body = {"provider": "kakao", "process": "login", "token": token}
    return [world.post_json(f"{APP}auth/provider/token", body) for _ in range(2)]


@scenario("refresh", door="api")
def refresh_api(world):
    return [world.post_json("/api/token/refresh/", {"refresh": "x"}) for _ in range(2)]


@scenario("refresh", door="app")
def refresh_app(world):
    return [world.post_json(f"{APP}tokens/refresh", {"refresh_token": "x"}) for _ in range(2)]


@scenario("refresh_token", door="api")
def dead_token(world):
    user = UserFactory()
    token = world.token(user)["refresh"]
    sessions.revoke_all(user, reason=sessions.Reason.LOGOUT)
    return [world.post_json("/api/token/refresh/", {"refresh": token}) for _ in range(2)]


def only_one(world):
    """Replace the limits that views declare when they are imported."""
    limit_of = routes.limit_of
    one = {"amount": 1, "seconds": SECONDS}
    world.monkeypatch.setattr(routes, "limit_of", lambda request: replace(limit_of(request), **one))
    now = time.time() // SECONDS * SECONDS + 1  # early in a window
    world.fixture("time_machine").move_to(now, tick=False)


@scenario("introspect", door="api")
def introspect(world):
    only_one(world)
    return [world.client().post("/api/token/introspect/", {"token": "x"}) for _ in range(2)]


@scenario("passkey", door="page")
def wrong_passkey_page(world):
    path = "/accounts/login/passkey/"
    return [world.client().post(path, {"credential": "{}"}) for _ in range(2)]


@scenario("passkey", door="api")
def wrong_passkey_api(world):
    phone = enrol_passkey(UserFactory())
    asked = world.post_json("/api/token/passkey/options/", {}).json()["public_key"]
    body = {"credential": phone.get(asked, signature=b"x")}
    return [world.post_json("/api/token/passkey/", body) for _ in range(2)]


@scenario("passkey", door="app")
def wrong_passkey_app(world):
    path = f"{APP}auth/webauthn/login"
    return [world.post_json(path, {"credential": {"id": "x"}}) for _ in range(2)]


@scenario("passkey_start", door="page")
def passkey_options_page(world):
    only_one(world)
    path = "/accounts/2fa/passkeys/options/sign_in/"
    return [world.client().get(path) for _ in range(2)]


@scenario("passkey_start", door="api")
def passkey_options_api(world):
    only_one(world)
    return [world.post_json("/api/token/passkey/options/", {}) for _ in range(2)]


@scenario("passkey_start", door="app")
def passkey_options_app(world):
    only_one(world)
    return [world.client().get(f"{APP}auth/webauthn/login") for _ in range(2)]


@scenario("factor", "factor_day", door="api by passkey")
def wrong_second_step_by_passkey(world):
    user = UserFactory()
    phone = enrol_passkey(user)
    token = world.token(user)["mfa_token"]
    asked = world.post_json("/api/token/passkey/options/", {"mfa_token": token})
    credential = phone.get(asked.json()["public_key"], signature=b"x")
    body = {"mfa_token": token, "credential": credential}
    return [world.post_json("/api/token/mfa/", body) for _ in range(2)]


@scenario("report", door="machine")
def report(world):
    only_one(world)
    return [world.client().post("/accounts/kakao/unlinked/") for _ in range(2)]


@scenario("resend", door="app")
def resend_app(world):
    body = {"email": "new@example.org", "password": LONG}
    pending = world.post_json(f"{APP}auth/signup", body).json()["meta"]["session_token"]
    path = f"{APP}auth/email/verify/resend"
    return [world.post_json(path, {}, **{"x-session-token": pending})]


@scenario("resend", door="page")
def sign_in_after_sign_up_page(world):
    world.client().post("/accounts/signup/", {"email": "new@example.org", "password1": LONG})
    form = {"login": "new@example.org", "password": LONG}
    return [world.client().post("/accounts/login/", form)]


@scenario("resend", door="sign-in app")
def sign_in_after_sign_up_app(world):
    body = {"email": "new@example.org", "password": LONG}
    world.post_json(f"{APP}auth/signup", body)
    return [world.post_json(f"{APP}auth/login", body)]


@scenario("change_password", door="page")
def change_password_page(world):
    browser = world.signed_in(UserFactory())
    form = {"oldpassword": WRONG, "password1": LONG}
    world.settings.LIMITS |= {"sign_in_device": (9, 60)}
    return [browser.post("/accounts/password/change/", form) for _ in range(2)]


@scenario("change_password", door="app")
def change_password_app(world):
    access = world.token(UserFactory())["access"]
    body = {"current_password": WRONG, "new_password": LONG}
    path = f"{APP}account/password/change"
    world.settings.LIMITS |= {"sign_in_account": (9, 60), "sign_in_network": (9, 60)}
    world.settings.LIMITS |= {"sign_in_account_day": (9, 60)}
    return [world.post_json(path, body, **bearer(access)) for _ in range(2)]


@scenario("change_email", door="page")
def change_email_page(world):
    browser = world.signed_in(UserFactory())
    forms = [{"email": f"{name}@example.org", "action_add": ""} for name in "ab"]
    return [browser.post("/accounts/email/", form) for form in forms]


@scenario("change_email", door="app")
def change_email_app(world):
    access = world.token(UserFactory())["access"]
    path = f"{APP}account/email"
    bodies = [{"email": f"{name}@example.org"} for name in "ab"]
    return [world.post_json(path, body, **bearer(access)) for body in bodies]


@scenario("reauthenticate", door="page")
def reauthenticate_page(world):
    browser = world.signed_in(UserFactory())
    path = "/accounts/reauthenticate/"
    return [browser.post(path, {"password": PASSWORD}) for _ in range(2)]


@scenario("reauthenticate", door="app")
def reauthenticate_app(world):
    access = world.token(UserFactory())["access"]
    path = f"{APP}auth/reauthenticate"
    return [world.post_json(path, {"password": PASSWORD}, **bearer(access)) for _ in range(2)]


NOT_BY_429 = {"code_tries"}
"""The page says how many tries are left, and then to have a new code sent."""


@pytest.fixture
def world(request):
    return World(request)


def narrowed(world, name):
    """Leave only this limit of ours, and of allauth's limits of mails only that of an address."""
    kept = {name}
    others = {each: (1000, 60) for each in world.settings.LIMITS if each not in kept}
    world.settings.LIMITS = world.settings.LIMITS | others
    if name in {"reset", "code"}:
        rates = world.settings.ACCOUNT_RATE_LIMITS
        rates["reset_password"] = rates["request_login_code"] = None


def waits(answer):
    """Return the seconds that the header and the text of this answer name."""
    header = int(answer["Retry-After"])
    if answer["Content-Type"].startswith("text/html"):
        shown = re.search(r'<time data-countdown="(\d+)">', answer.text)
        assert shown, answer.text
        return header, int(shown[1])
    shown = re.search(r"\d+", answer.json()["detail"])
    assert answer.json()["status"] == 429
    return header, int(shown[0])


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(("name", "door"), SCENARIOS)
def test_a_refusal_says_the_seconds(world, name, door, language):
    check(world, name, SCENARIOS[name, door], language)


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(("name", "door"), WITH_KAKAO)
def test_a_refusal_on_the_way_to_a_provider_says_the_seconds(world, kakao, name, door, language):
    check(world, name, WITH_KAKAO[name, door], language)


def check(world, name, run, language):
    narrowed(world, name)
    world.language = language

    answers = run(world)

    refused = answers[-1]
    assert refused.status_code == 429, [each.status_code for each in answers]
    assert 429 not in {each.status_code for each in answers[:-1]}
    header, shown = waits(refused)
    assert header == shown
    assert SECONDS - 15 <= shown <= SECONDS
    words = {"en": "Try again in", "ko": "초"}[language]
    assert words in (
        refused.text if "html" in refused["Content-Type"] else refused.json()["detail"]
    )


def test_every_limit_has_a_scenario():
    assert {name for name, _ in SCENARIOS | WITH_KAKAO} | NOT_BY_429 == set(site.LIMITS)


# The page leads on and keeps what was typed


@pytest.mark.parametrize(
    ("run", "typed"),
    [(sign_up_page, "b@example.org"), (change_email_page, "b@example.org"), (reset_page, None)],
)
def test_the_form_stays_filled(world, run, typed):
    refused = run(world)[-1]

    assert f'value="{typed or "visitor"}' in refused.text
    assert LONG not in refused.text
    assert 'name="csrfmiddlewaretoken"' in refused.text


@pytest.mark.parametrize("run", [code_page, code_link_page, reauthenticate_page])
def test_the_page_of_the_form_is_shown_again(world, kakao, run):
    refused = run(world)[-1]

    assert "<form" in refused.text
    assert "accounts/forms.js" in refused.text


@pytest.mark.parametrize(
    ("run", "leads_to"),
    [(ways_page, "/accounts/kakao/login/"), (callback, "/accounts/login/")],
)
def test_a_page_without_a_form_leads_on_and_counts_down(world, kakao, run, leads_to):
    refused = run(world)[-1]

    assert f'href="{leads_to}"' in refused.text
    assert "accounts/forms.js" in refused.text


def test_a_refused_form_costs_no_try(world, settings):
    """The page shows the form again without checking the password in it."""
    only(settings, "sign_in_device")
    browser = world.signed_in(UserFactory())
    form = {"password": WRONG}
    first = browser.post("/accounts/reauthenticate/", form)
    second = browser.post("/accounts/reauthenticate/", form)

    assert (first.status_code, second.status_code) == (200, 429)
    assert "Too many attempts" in second.text


def test_minutes_are_said_in_words(world, settings):
    settings.LIMITS = settings.LIMITS | {"refresh": (1, 600)}

    assert refresh_api(world)[-1].json()["detail"] == "Try again in 10 minutes."
    world.language = "ko"
    assert refresh_api(world)[-1].json()["detail"] == "10분 후에 다시 시도해 주세요."


def test_a_resend_too_early_says_the_seconds_that_are_left(world):
    browser = world.client()
    browser.post("/accounts/signup/", {"email": "new@example.org", "password1": LONG})

    answer = browser.post("/accounts/confirm-email/", {"action": "resend"}, follow=True)

    left = int(re.search(r'<time data-countdown="(\d+)">', answer.text)[1])
    assert SECONDS - 10 <= left <= SECONDS
    assert EmailAddress.objects.filter(verified=False).exists()
