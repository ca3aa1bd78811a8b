"""An app and a frontend sign up by a passkey: an email, the mailed code, then the passkey."""

import json

import pytest
from django.test import Client

from accounts.people.models import User
from accounts.signins.models import AuthSession
from tests.kit.clients import bearer
from tests.kit.factors import enrol_passkey
from tests.kit.mails import code_in
from tests.kit.passkeys import SoftAuthenticator

pytestmark = pytest.mark.django_db
APP = "/_allauth/app/v1/auth/"
SIGN_UP = f"{APP}webauthn/signup"
EMAIL = "new@example.com"


@pytest.fixture
def call():
    """Return a function that calls the API as an app, with the session token of the last answer."""
    app, session = Client(), {}

    def run(method, path, body=None):
        headers = {"x-session-token": session["token"]} if session else {}
        answer = app.generic(
            method, path, json.dumps(body or {}), content_type="application/json", headers=headers
        )
        if token := answer.json().get("meta", {}).get("session_token"):
            session["token"] = token
        return answer

    return run


@pytest.fixture
def proved(call, deliver):
    """Sign up as far as the mailed code, and return the answer to it."""
    call("POST", SIGN_UP, {"email": EMAIL})
    return call("POST", f"{APP}email/verify", {"key": code_in(deliver()[-1])})


def options(call):
    return call("GET", SIGN_UP).json()["data"]["creation_options"]["publicKey"]


def pending(answer):
    flows = answer.json()["data"]["flows"]
    return [flow["id"] for flow in flows if flow.get("is_pending")]


def test_an_app_signs_up_by_a_passkey(call, proved):
    phone = SoftAuthenticator()
    done = call("PUT", SIGN_UP, {"credential": phone.create(options(call))})

    assert (proved.status_code, pending(proved)) == (401, ["mfa_signup_webauthn"])
    assert done.status_code == 200, done.content
    assert len(done.json()["meta"]["recovery_codes"]) == 10
    access = done.json()["meta"]["access_token"]
    assert Client().get("/api/me/", headers=bearer(access)).json()["email"] == EMAIL
    assert not User.objects.get().has_usable_password()
    assert AuthSession.objects.get().amr[-3:] == ["pop", "user", "mfa"]


def test_nobody_is_signed_in_before_the_passkey(call, proved):
    assert "access_token" not in proved.json()["meta"]
    assert not AuthSession.objects.exists()


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_passkey_comes_after_the_code_only(call, db, deliver, method):
    alone = call(method, SIGN_UP, {"credential": {}})
    call("POST", SIGN_UP, {"email": EMAIL})
    before = call(method, SIGN_UP, {"credential": {}})

    assert (alone.status_code, before.status_code) == (409, 409)
    assert not AuthSession.objects.exists()


def test_a_wrong_passkey_is_refused_and_can_be_tried_again(call, proved):
    phone = SoftAuthenticator()
    lie = phone.create(options(call), origin="https://evil.example")
    refused = call("PUT", SIGN_UP, {"credential": lie})
    no_object = call("PUT", SIGN_UP, {"credential": "x"})
    done = call("PUT", SIGN_UP, {"credential": phone.create(options(call))})

    assert (refused.status_code, no_object.status_code) == (400, 400)
    assert refused.json()["errors"][0]["code"] == "passkey_refused"
    assert done.status_code == 200


def test_an_address_with_an_account_looks_the_same(call, user, deliver):
    known = call("POST", SIGN_UP, {"email": user.email})
    new = Client().post(SIGN_UP, {"email": EMAIL}, content_type="application/json")

    assert known.status_code == new.status_code == 401
    assert pending(known) == pending(new) == ["verify_email"]
    assert User.objects.count() == 2
    assert not any(code_in_or_none(mail) for mail in deliver() if mail.to == [user.email])


def test_a_factor_that_was_added_meanwhile_ends_the_sign_up(call, proved):
    enrol_passkey(User.objects.get())
    refused = call("PUT", SIGN_UP, {"credential": SoftAuthenticator().create(options(call))})

    assert refused.status_code == 409
    assert not AuthSession.objects.exists()


def test_the_sign_up_is_limited(call, db, settings):
    settings.LIMITS = settings.LIMITS | {"sign_up": (1, 60)}
    call("POST", SIGN_UP, {"email": EMAIL})
    refused = Client().post(SIGN_UP, {"email": "o@example.com"}, content_type="application/json")

    assert refused.status_code == 429
    assert refused["Retry-After"]


def code_in_or_none(mail):
    try:
        return code_in(mail)
    except TypeError:
        return None
