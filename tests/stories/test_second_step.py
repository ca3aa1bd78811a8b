"""Ask for a second factor at the page, the API and the headless API, and let nobody around it."""

import json

import pytest
import time_machine
from django.test import Client

from accounts import encryption
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.factors import resets
from accounts.signins.models import AuthSession
from api.tokens.jwts import AccessJWT
from tests.kit.clients import CHROME, bearer, is_signed_in, sign_in
from tests.kit.factories import PASSWORD, UserFactory
from tests.kit.factors import app_code, enrol, enrol_app, row_of, wrong_code
from tests.kit.racing import at_once

pytestmark = pytest.mark.django_db
STEP = "/accounts/2fa/authenticate/"
MFA = "/api/token/mfa/"


@pytest.fixture
def factors(user):
    return enrol(user)


@pytest.fixture
def secret(factors):
    return factors[0]


@pytest.fixture
def token(user, factors):
    """Return the `mfa_token` of a sign-in whose password was right."""
    return sign_in(Client(), user, door="api").json()["mfa_token"]


def finish(post, token, code, **headers):
    return post(MFA, {"mfa_token": token, "code": code}, headers=headers)


def amr_of(pair):
    return AccessJWT(pair["access"])["amr"]


# Pages


def test_a_page_asks_for_the_second_step(browser, user, secret):
    asked = sign_in(browser, user)

    assert asked["Location"] == STEP
    assert not is_signed_in(browser)
    assert not AuthSession.objects.exists()
    page = browser.get(STEP).text
    assert 'autocomplete="one-time-code"' in page


def test_the_right_code_signs_in(browser, user, secret):
    sign_in(browser, user)
    done = browser.post(STEP, {"code": app_code(secret)})

    assert done["Location"] == "/accounts/"
    assert is_signed_in(browser)
    assert AuthSession.objects.get().amr == ["pwd", "otp", "mfa"]
    assert row_of(user).last_used_at is not None


def test_a_recovery_code_signs_in_once(browser, another_browser, user, factors):
    sign_in(browser, user)
    browser.post(f"{STEP}?by=recovery", {"code": factors[1][0].upper()})
    sign_in(another_browser, user)
    again = another_browser.post(STEP, {"code": factors[1][0]})

    assert is_signed_in(browser)
    assert AuthSession.objects.get().amr == ["pwd", "mfa"]
    assert "used already" in again.text
    assert not is_signed_in(another_browser)


def test_a_wrong_code_shows_the_tries_that_are_left(browser, user, secret):
    sign_in(browser, user)
    pages = [browser.post(STEP, {"code": wrong_code(secret)}) for _ in range(6)]

    assert "You have 4 tries left." in pages[0].text
    assert "No tries are left for now." in pages[4].text
    assert pages[5].status_code == 429
    assert int(pages[5]["Retry-After"]) <= 300
    assert "Too many wrong codes." in pages[5].text
    assert not is_signed_in(browser)


def test_wrong_codes_do_not_lock_the_password(browser, another_browser, user, secret):
    sign_in(browser, user)
    for _ in range(6):
        browser.post(STEP, {"code": wrong_code(secret)})

    assert sign_in(another_browser, user)["Location"] == STEP


def test_the_page_of_the_step_needs_the_first_step(browser, user, secret):
    answer = browser.post(STEP, {"code": app_code(secret)})

    assert answer["Location"] == "/accounts/login/"
    assert not is_signed_in(browser)


def test_a_pending_step_opens_no_other_page(browser, user, secret):
    sign_in(browser, user)

    for path in ("/accounts/", "/accounts/profile/", "/admin/", "/api/me/"):
        assert browser.get(path).status_code in (302, 401), path


def test_a_code_works_once_over_two_sign_ins(browser, another_browser, user, secret):
    code = app_code(secret)
    sign_in(browser, user)
    sign_in(another_browser, user)
    browser.post(STEP, {"code": code})
    second = another_browser.post(STEP, {"code": code})

    assert is_signed_in(browser)
    assert second.status_code == 200
    assert not is_signed_in(another_browser)


def test_a_step_after_a_password_change_signs_nobody_in(browser, user, secret):
    sign_in(browser, user)
    user.set_password("a new long password")
    user.save()
    done = browser.post(STEP, {"code": app_code(secret)})

    assert done["Location"] == "/accounts/login/"
    assert not is_signed_in(browser)
    assert not AuthSession.objects.exists()


def test_a_step_after_the_factor_was_removed_signs_nobody_in(browser, user, secret):
    sign_in(browser, user)
    row_of(user).delete()
    done = browser.post(STEP, {"code": app_code(secret)})

    assert done["Location"] == "/accounts/login/"
    assert not is_signed_in(browser)


@pytest.mark.parametrize("change", ["deleted", "disabled"])
def test_a_step_of_an_account_that_is_gone_signs_nobody_in(browser, user, secret, change):
    sign_in(browser, user)
    if change == "deleted":
        user.delete()
    else:
        user.is_active = False
        user.save()
    done = browser.post(STEP, {"code": app_code(secret)})

    assert done.status_code == 302
    assert not is_signed_in(browser)


def test_a_step_waits_a_quarter_of_an_hour(browser, user, secret):
    with time_machine.travel("2026-06-01T12:00:00Z", tick=False) as clock:
        sign_in(browser, user)
        clock.shift(901)
        done = browser.post(STEP, {"code": app_code(secret)})

    assert done["Location"] == "/accounts/login/"


def test_a_password_reset_does_not_replace_the_step(browser, user, secret, deliver):
    browser.post("/accounts/password/reset/", {"email": user.email})
    path = next(w for w in deliver()[-1].body.split() if "/reset/key/" in w)
    form = browser.get(path, follow=True).redirect_chain[-1][0]
    browser.post(form, {"password1": "a new long password"})

    assert not is_signed_in(browser)
    assert sign_in(browser, user, "a new long password")["Location"] == STEP


def test_a_form_that_lacks_the_code_is_shown_again(browser, user, secret):
    sign_in(browser, user)

    assert browser.post(STEP, {"credential": "{}"}).status_code == 200
    assert not is_signed_in(browser)


# `POST /api/token/` and `POST /api/token/mfa/`


def test_the_api_asks_for_the_second_step(user, factors):
    answer = sign_in(Client(), user, door="api")
    body = answer.json()

    assert answer.status_code == 401
    assert answer["Cache-Control"] == "no-store"
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert not answer.cookies
    assert body.pop("request_id")
    assert body.pop("mfa_token")
    assert body == {
        "type": "about:blank",
        "title": "Second step",
        "status": 401,
        "detail": "This account has a second factor. Send this `mfa_token` to /api/token/mfa/, with "
        "a code of one of `factors`, or with the answer of a passkey to a challenge of "
        "/api/token/passkey/options/.",
        "code": "mfa_required",
        "factors": ["totp", "recovery_codes"],
        "expires_in": 300,
    }
    assert not AuthSession.objects.exists()


def test_a_wrong_password_tells_nothing_of_the_factor(user, factors):
    answer = sign_in(Client(), user, "a wrong password", door="api")

    assert answer.json()["code"] == "invalid_credentials"


def test_a_code_finishes_the_sign_in(token, secret, post, user):
    answer = finish(post, token, app_code(secret))
    pair = answer.json()

    assert answer.status_code == 200
    assert amr_of(pair) == ["pwd", "otp", "mfa"]
    assert AuthSession.objects.get().kind == "token"
    assert Client().get("/api/me/", headers=bearer(pair["access"])).status_code == 200
    assert post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 200


def test_a_recovery_code_finishes_the_sign_in(token, factors, post):
    pair = finish(post, token, factors[1][0]).json()

    assert amr_of(pair) == ["pwd", "mfa"]


def test_an_mfa_token_signs_in_once(token, factors, post):
    first = finish(post, token, app_code(factors[0]))
    second = finish(post, token, factors[1][0])

    assert first.status_code == 200
    assert (second.status_code, second.json()["code"]) == (401, "invalid_mfa_token")
    assert AuthSession.objects.count() == 1


def test_a_wrong_code_leaves_the_mfa_token_good(token, secret, post):
    wrong = finish(post, token, wrong_code(secret))

    assert (wrong.status_code, wrong.json()["code"]) == (401, "incorrect_code")
    assert "You have 4 tries left." in wrong.json()["detail"]
    assert finish(post, token, app_code(secret)).status_code == 200


def test_guesses_over_many_mfa_tokens_share_the_tries(user, secret, post):
    for _ in range(5):
        token = sign_in(Client(), user, door="api").json()["mfa_token"]
        finish(post, token, wrong_code(secret))
    refused = finish(post, token, app_code(secret))

    assert refused.status_code == 429
    assert int(refused["Retry-After"]) <= 300
    assert not AuthSession.objects.exists()


def test_an_mfa_token_expires(user, secret, post):
    with time_machine.travel("2026-06-01T12:00:00Z", tick=False) as clock:
        token = sign_in(Client(), user, door="api").json()["mfa_token"]
        clock.shift(300)
        refused = finish(post, token, app_code(secret))

    assert refused.json()["code"] == "invalid_mfa_token"


@pytest.mark.parametrize("header", ["user-agent", "x-token-delivery"])
def test_an_mfa_token_is_of_the_client_that_began(token, secret, post, header, settings):
    headers = {header: "cookie", "origin": settings.SITE_URL}
    refused = finish(post, token, app_code(secret), **headers)

    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_mfa_token")


def test_a_code_of_another_user_finishes_nothing(token, post, factors):
    theirs, plain = enrol(UserFactory())

    for code in (app_code(theirs), plain[0]):
        assert finish(post, token, code).json()["code"] == "incorrect_code"


@pytest.mark.parametrize("made", ["", "x", "gAAAAA", "link token", "another release's"])
def test_another_text_is_no_mfa_token(made, post, secret, user):
    if made == "link token":
        made = encryption.encrypt(json.dumps({"purpose": "link", "link": {}}))
    if made.startswith("another"):
        made = encryption.encrypt(json.dumps({"purpose": "mfa"}))
    refused = finish(post, made, app_code(secret))

    assert refused.status_code == (400 if not made else 401)


def test_a_token_for_another_purpose_is_no_mfa_token(token, post, secret):
    """Also if it has all members of one. Tokens for other purposes are sealed by the same key."""
    content = json.loads(encryption.decrypt(token)) | {"purpose": "sign_in_code"}
    refused = finish(post, encryption.encrypt(json.dumps(content)), app_code(secret))

    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_mfa_token")


def test_an_mfa_token_ends_with_a_password_change(token, user, secret, post):
    user.set_password("a new long password")
    user.save()
    refused = finish(post, token, app_code(secret))

    assert refused.json()["code"] == "invalid_mfa_token"
    assert not AuthSession.objects.exists()


def test_an_mfa_token_of_a_former_password_uses_no_code_up(token, user, secret, post):
    """A thief with the old password costs the owner no code, and gets no challenge of a passkey."""
    user.set_password("a new long password")
    user.save()
    code = app_code(secret)
    refused = finish(post, token, code)
    asked = post("/api/token/passkey/options/", {"mfa_token": token})

    owner = sign_in(Client(), user, "a new long password", door="api").json()["mfa_token"]

    assert refused.json()["code"] == asked.json()["code"] == "invalid_mfa_token"
    assert finish(post, owner, code).status_code == 200


@pytest.mark.parametrize("change", ["factor", "deleted", "disabled"])
def test_an_mfa_token_of_a_changed_account_signs_nobody_in(token, user, secret, post, change):
    if change == "factor":
        row_of(user).delete()
    elif change == "deleted":
        user.delete()
    else:
        user.is_active = False
        user.save()

    assert finish(post, token, app_code(secret)).status_code == 401
    assert not AuthSession.objects.exists()


def test_an_mfa_token_is_no_session_of_the_headless_api(token, app):
    answer = app("POST", "auth/2fa/authenticate", {"code": "1"}, x_session_token=token[:64])

    assert answer.status_code in (401, 410)


def test_cookie_delivery_works_after_the_second_step(user, secret, settings):
    client = Client(headers={"x-token-delivery": "cookie", "origin": settings.SITE_URL})
    token = sign_in(client, user, door="api").json()["mfa_token"]
    answer = client.post(
        MFA,
        json.dumps({"mfa_token": token, "code": app_code(secret)}),
        content_type="application/json",
    )

    assert answer.status_code == 200, answer.content
    assert "refresh" not in answer.json()
    assert answer.cookies["refresh"]["samesite"] == "Strict"


def test_a_foreign_page_cannot_finish_by_cookie(token, secret, post):
    headers = {"x-token-delivery": "cookie", "origin": "https://evil.example"}

    assert finish(post, token, app_code(secret), **headers).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_one_mfa_token_sent_at_once_signs_in_once(user):
    secret, plain = enrol(user)
    token = sign_in(Client(), user, door="api").json()["mfa_token"]
    typed = [app_code(secret), *plain[:4]]  # five: each is counted until it proves right

    def send(number):
        body = json.dumps({"mfa_token": token, "code": typed[number]})
        return Client().post(MFA, body, content_type="application/json").status_code

    assert sorted(at_once(5, send)) == [200] + [401] * 4
    assert AuthSession.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_code_sent_at_once_by_many_signs_in_once(user):
    secret, _ = enrol(user)
    tokens = [sign_in(Client(), user, door="api").json()["mfa_token"] for _ in range(4)]
    code = app_code(secret)

    def send(number):
        body = json.dumps({"mfa_token": tokens[number], "code": code})
        return Client().post(MFA, body, content_type="application/json").status_code

    assert sorted(at_once(4, send)) == [200] + [401] * 3


# The headless API


@pytest.mark.parametrize("client", ["app", "browser"])
def test_the_headless_api_asks_for_the_second_step(client, user, secret):
    caller = Client(headers={"user-agent": CHROME}, raise_request_exception=False)
    path = f"/_allauth/{client}/v1/auth"
    body = {"email": user.email, "password": PASSWORD}
    asked = caller.post(f"{path}/login", json.dumps(body), content_type="application/json")
    session = asked.json()["meta"].get("session_token")
    headers = {"x-session-token": session} if session else {}
    pending = [flow for flow in asked.json()["data"]["flows"] if flow.get("is_pending")]

    def send(code):
        return caller.post(
            f"{path}/2fa/authenticate",
            json.dumps({"code": code}),
            content_type="application/json",
            headers=headers,
        )

    wrong, right = send(wrong_code(secret)), send(app_code(secret))

    assert asked.status_code == 401
    assert [flow["id"] for flow in pending] == ["mfa_authenticate"]
    assert sorted(pending[0]["types"]) == ["recovery_codes", "totp"]
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["code"] == "incorrect_code"
    assert right.status_code == 200, right.content
    assert AuthSession.objects.get().amr == ["pwd", "otp", "mfa"]
    if client == "app":
        assert amr_of({"access": right.json()["meta"]["access_token"]}) == ["pwd", "otp", "mfa"]


def test_the_headless_api_limits_wrong_codes(user, secret, app):
    session = sign_in(Client(), user, door="app").json()["meta"]["session_token"]
    answers = [
        app("POST", "auth/2fa/authenticate", {"code": wrong_code(secret)}, x_session_token=session)
        for _ in range(6)
    ]

    assert [answer.status_code for answer in answers] == [400] * 5 + [429]


def test_a_failed_step_is_in_the_audit_log(browser, user, secret):
    sign_in(browser, user)
    browser.post(STEP, {"code": wrong_code(secret)})

    event = AuditEvent.objects.get()
    assert (event.type, event.reason) == ("login.failed", "wrong_second_step")


@pytest.mark.parametrize(("before", "is_said"), [(5, False), (4, True), (1, True)])
def test_few_recovery_codes_are_announced_at_the_sign_in(browser, user, factors, before, is_said):
    row = row_of(user, "recovery_codes")
    row.data["left"] = row.data["left"][:before]
    row.save()
    sign_in(browser, user)
    browser.post(STEP, {"code": factors[1][0]})

    assert ("Make new ones under Second step." in browser.get("/accounts/").text) is is_said


def test_the_last_try_is_mailed_once(browser, user, secret, deliver):
    sign_in(browser, user)
    for _ in range(7):
        browser.post(STEP, {"code": wrong_code(secret)})

    subjects = [mail.subject for mail in deliver()]
    assert subjects == ["[Munjigi] Wrong codes in the second step of your account"]


def test_the_owner_who_signs_in_learns_of_a_pending_reset(browser, user):
    secret = enrol_app(user)
    resets.ask(user, reason="called", actor=None, client=ClientInfo())
    sign_in(browser, user)
    browser.post("/accounts/2fa/authenticate/", {"code": app_code(secret)})

    assert "You can stop it under Second step" in browser.get("/accounts/").text
