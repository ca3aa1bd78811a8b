"""Test `/api/token/passkey/`: a challenge, then tokens. And a passkey as the second step of the API."""

import json
from datetime import timedelta
from unittest.mock import ANY

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.test import Client
from django.utils import timezone

from accounts.audit.models import AuditEvent
from accounts.factors.recovery_codes import enrolment as recovery_codes
from accounts.signins.models import AuthSession
from tests.kit import forge
from tests.kit.clients import bearer, sign_in
from tests.kit.factors import enrol, enrol_passkey
from tests.kit.outage import without_redis
from tests.kit.passkeys import SoftAuthenticator
from tests.kit.problems import invalid, problem

pytestmark = pytest.mark.django_db
OPTIONS, SIGN_IN, MFA = "/api/token/passkey/options/", "/api/token/passkey/", "/api/token/mfa/"
PAIR = {"access": ANY, "refresh": ANY, "token_type": "Bearer", "expires_in": 3600, "sid": ANY}


@pytest.fixture
def phone(user):
    return enrol_passkey(user)


@pytest.fixture
def ask(post):
    """Return new request options."""

    def run(**body):
        return post(OPTIONS, body).json()["public_key"]

    return run


@pytest.fixture
def token(user, phone):
    """Return the `mfa_token` of a sign-in by password."""
    return sign_in(Client(), user, door="api").json()["mfa_token"]


def test_a_passkey_returns_a_pair_and_nothing_else(post, user, phone):
    asked = post(OPTIONS, {})
    response = post(SIGN_IN, {"credential": phone.get(asked.json()["public_key"])})

    assert asked.status_code == 200
    assert asked.json() == {
        "public_key": {
            "challenge": ANY,
            "timeout": 300_000,
            "rpId": "testserver",
            "allowCredentials": [],
            "userVerification": "required",
        },
        "expires_in": 300,
    }
    assert asked["Cache-Control"] == "no-store"
    assert not asked.cookies
    assert response.status_code == 200
    assert response.json() == PAIR
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies
    session = AuthSession.objects.get()
    assert (session.user, session.kind) == (user, "token")
    assert session.amr == ["pop", "user", "mfa"]
    assert Client().get("/api/me/", headers=bearer(response.json()["access"])).status_code == 200


def test_the_tokens_refresh_with_a_retry_key(post, phone, ask):
    refresh = post(SIGN_IN, {"credential": phone.get(ask())}).json()["refresh"]
    headers = {"idempotency-key": "0123456789abcdef"}
    answers = [post("/api/token/refresh/", {"refresh": refresh}, headers=headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    first, second = (forge.part(answer.json()["refresh"], 1) for answer in answers)
    assert first == second


def test_a_security_key_signs_in_too(post, user, ask):
    key = enrol_passkey(user, SoftAuthenticator(is_synced=False))

    assert post(SIGN_IN, {"credential": key.get(ask())}).json() == PAIR


def test_a_frontend_gets_the_refresh_token_as_a_cookie(phone, ask, settings):
    response = Client().post(
        SIGN_IN,
        json.dumps({"credential": phone.get(ask())}),
        content_type="application/json",
        headers={"X-Token-Delivery": "cookie", "Origin": settings.SITE_URL},
    )

    assert "refresh" not in response.json()
    assert response.cookies[settings.REFRESH_COOKIE_NAME].value
    assert settings.DEVICE_COOKIE_NAME in response.cookies
    assert settings.STAY_COOKIE_NAME not in response.cookies


def test_a_foreign_page_gets_no_cookie_and_uses_no_challenge(phone, ask, post):
    body = {"credential": phone.get(ask())}
    headers = {"X-Token-Delivery": "cookie", "Origin": "https://evil.example"}

    assert post(SIGN_IN, body, headers=headers).json() == problem(403, "origin_refused")
    assert post(SIGN_IN, body).status_code == 200


def test_a_stale_token_in_the_header_is_ignored(phone, ask, post):
    headers = bearer("stale")
    asked = post(OPTIONS, {}, headers=headers).json()["public_key"]

    assert post(SIGN_IN, {"credential": phone.get(asked)}, headers=headers).status_code == 200


def test_a_browsers_session_is_left_alone(signed_in, user, ask):
    phone = enrol_passkey(user)
    sid = signed_in.get("/api/me/").status_code
    body = json.dumps({"credential": phone.get(ask())})
    answer = signed_in.post(SIGN_IN, body, content_type="application/json")

    assert answer.status_code == 200
    assert not answer.cookies
    assert (sid, signed_in.get("/api/me/").status_code) == (200, 200)
    assert AuthSession.objects.filter(revoked_at=None).count() == 2


def test_a_sign_in_is_recorded(phone, ask, post, user):
    post(SIGN_IN, {"credential": phone.get(ask())}, headers={"user-agent": "an app"})
    event = AuditEvent.objects.get(type="login.succeeded")

    assert (event.user, event.user_agent) == (user, "an app")
    assert Authenticator.objects.get(type="webauthn").last_used_at is not None


def test_a_sign_in_undoes_a_deletion(phone, ask, post, user):
    user.erase_at = timezone.now() + timedelta(days=3)
    user.save()
    answer = post(SIGN_IN, {"credential": phone.get(ask())})
    user.refresh_from_db()

    assert answer.status_code == 200
    assert user.erase_at is None


@pytest.mark.parametrize("policy", ["all", "staff", "nobody"])
def test_a_passkey_satisfies_every_policy(phone, ask, post, settings, policy, user):
    settings.MFA_REQUIRED_FOR = policy
    type(user).objects.update(is_staff=True)

    assert post(SIGN_IN, {"credential": phone.get(ask())}).status_code == 200


def test_wrong_passwords_do_not_lock_the_passkey(phone, ask, post, user):
    for _ in range(6):
        locked = sign_in(Client(), user, "a wrong password", door="api")

    assert locked.status_code == 429
    assert post(SIGN_IN, {"credential": phone.get(ask())}).status_code == 200


def test_a_disabled_account_is_refused_as_a_bad_signature(phone, ask, post, user):
    wrong = post(SIGN_IN, {"credential": phone.get(ask(), signature=b"x")}).json()
    type(user).objects.update(is_active=False)
    refused = post(SIGN_IN, {"credential": phone.get(ask())}).json()
    wrong.pop("request_id")
    refused.pop("request_id")

    assert refused == wrong
    assert not AuthSession.objects.exists()
    reasons = AuditEvent.objects.filter(type="login.failed").values_list("reason", flat=True)
    assert sorted(reasons) == ["user_inactive", "wrong_passkey"]


def test_an_account_without_a_proved_address_is_refused(phone, ask, post):
    EmailAddress.objects.update(verified=False)

    refused = post(SIGN_IN, {"credential": phone.get(ask())})

    assert refused.json() == problem(401, "email_unverified")
    assert not AuthSession.objects.exists()


def test_a_demo_account_is_refused_outside_the_demo(phone, ask, post, user, settings):
    settings.REFUSED_EMAILS = {user.email}

    refused = post(SIGN_IN, {"credential": phone.get(ask())})

    assert refused.json() == problem(401, "passkey_refused")


def test_the_options_are_the_same_for_a_stranger_and_an_owner(post, user):
    def told(answer):
        body = answer.json()
        body["public_key"]["challenge"] = len(body["public_key"]["challenge"])
        changing = ("X-Request-ID", "RateLimit")
        headers = {name: text for name, text in answer.items() if name not in changing}
        return answer.status_code, body, headers, answer.cookies.output()

    before = told(post(OPTIONS, {}))
    enrol_passkey(user)

    assert told(post(OPTIONS, {})) == before


def test_refusals_of_one_network_are_limited(phone, ask, post, settings):
    settings.LIMITS = settings.LIMITS | {"passkey": (3, 60)}
    answers = [post(SIGN_IN, {"credential": phone.get(ask(), signature=b"x")}) for _ in range(4)]

    assert [each.status_code for each in answers] == [401, 401, 401, 429]
    assert 0 < int(answers[3]["Retry-After"]) <= 60
    assert AuditEvent.objects.filter(type="login.failed").count() == 3


def test_sign_ins_are_not_limited(phone, ask, post, settings):
    settings.LIMITS = settings.LIMITS | {"passkey": (3, 60)}

    for _ in range(5):
        assert post(SIGN_IN, {"credential": phone.get(ask())}).status_code == 200


def test_an_outage_of_redis_answers_503(phone, ask, post, settings):
    body = {"credential": phone.get(ask())}
    with without_redis(settings):
        answers = [post(OPTIONS, {}), post(SIGN_IN, body)]

    for answer in answers:
        assert answer.json() == problem(503, "store_unavailable")
        assert answer["Retry-After"]
    assert post(SIGN_IN, body).status_code == 200


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_refusal_is_in_the_callers_language(phone, ask, post, language):
    headers = {"accept-language": language}
    refused = post(SIGN_IN, {"credential": phone.get(ask(), signature=b"x")}, headers=headers)

    assert refused["Content-Type"] == "application/problem+json"
    assert refused["Content-Language"] == language
    assert refused["WWW-Authenticate"] == 'Bearer realm="api"'
    for text in (refused.json()["title"], refused.json()["detail"]):
        assert text.isascii() is (language == "en")


def wrong_shapes(good):
    response = good["response"]
    return {
        "no credential": ({}, ("/credential", "required")),
        "null": ({"credential": None}, ("/credential", "null")),
        "text": ({"credential": json.dumps(good)}, ("/credential", "invalid")),
        "unknown member": ({"credential": good, "x": 1}, ("/x", "unknown_field")),
        "no id": (
            {"credential": good | {"id": None}},
            ("/credential/id", "null"),
        ),
        "another type": (
            {"credential": good | {"type": "password"}},
            ("/credential/type", "invalid_choice"),
        ),
        "padding": (
            {"credential": good | {"response": response | {"signature": "AAA="}}},
            ("/credential/response/signature", "invalid"),
        ),
        "bytes as numbers": (
            {"credential": good | {"response": response | {"signature": [1, 2]}}},
            ("/credential/response/signature", "invalid"),
        ),
        "too long": (
            {"credential": good | {"response": response | {"authenticatorData": "A" * 9000}}},
            ("/credential/response/authenticatorData", "max_length"),
        ),
    }


@pytest.mark.parametrize("name", list(wrong_shapes({"response": {}})))
def test_a_credential_of_another_shape_is_refused(phone, ask, post, name):
    body, error = wrong_shapes(phone.get(ask()))[name]

    assert post(SIGN_IN, body).json() == invalid(error)


def test_a_member_that_browsers_may_add_is_ignored(phone, ask, post):
    credential = phone.get(ask()) | {"newInLevel4": {"a": 1}}
    credential["response"]["newInLevel4"] = 1

    assert post(SIGN_IN, {"credential": credential}).status_code == 200


# The second step


def test_a_passkey_finishes_the_second_step(token, phone, ask, post):
    asked = ask(mfa_token=token)
    pair = post(MFA, {"mfa_token": token, "credential": phone.get(asked)})

    assert asked["allowCredentials"] == [{"type": "public-key", "id": ANY, "transports": ANY}]
    assert pair.json() == PAIR
    assert AuthSession.objects.get().amr == ["pwd", "pop", "user", "mfa"]


def test_the_401_names_the_passkey_among_the_factors(user, phone):
    recovery_codes.add(user)
    answer = sign_in(Client(), user, door="api")

    assert answer.json() == problem(
        401,
        "mfa_required",
        factors=["webauthn", "recovery_codes"],
        mfa_token=ANY,
        expires_in=300,
    )


def test_a_refused_passkey_leaves_the_mfa_token_good(token, phone, ask, post):
    wrong = {"mfa_token": token, "credential": phone.get(ask(mfa_token=token), signature=b"x")}
    refused = post(MFA, wrong)
    good = {"mfa_token": token, "credential": phone.get(ask(mfa_token=token))}

    assert refused.json() == problem(401, "passkey_refused")
    assert post(MFA, good).json() == PAIR


def test_refused_passkeys_share_the_tries_of_codes(token, phone, ask, post):
    answers = [
        post(
            MFA, {"mfa_token": token, "credential": phone.get(ask(mfa_token=token), signature=b"x")}
        )
        for _ in range(6)
    ]

    assert [each.status_code for each in answers] == [401] * 5 + [429]
    assert int(answers[5]["Retry-After"]) <= 300


def test_a_second_step_needs_a_code_or_a_credential(token, phone, ask, post):
    both = {"mfa_token": token, "code": "123456", "credential": phone.get(ask(mfa_token=token))}

    for body in (both, {"mfa_token": token}):
        assert post(MFA, body).json() == invalid(("/code", "required"))
    assert post(MFA, {"mfa_token": token, "credential": both["credential"]}).status_code == 200


def test_a_recovery_code_still_finishes_the_second_step(user, phone, post):
    _, plain = recovery_codes.add(user)
    token = sign_in(Client(), user, door="api").json()["mfa_token"]

    assert post(MFA, {"mfa_token": token, "code": plain[0]}).json() == PAIR


@pytest.mark.parametrize("made", ["x", "used", "another client's", "after a password change"])
def test_the_options_need_a_good_mfa_token(token, user, phone, ask, post, made):
    headers = {}
    if made == "used":
        credential = phone.get(ask(mfa_token=token))
        assert post(MFA, {"mfa_token": token, "credential": credential}).status_code == 200
    elif made == "x":
        token = "x"
    elif made.startswith("another"):
        headers = {"user-agent": "another"}
    else:
        user.set_password("a new long password")
        user.save()

    refused = post(OPTIONS, {"mfa_token": token}, headers=headers)

    assert refused.json() == problem(401, "invalid_mfa_token")


def test_an_account_without_a_passkey_gets_no_challenge(user, post):
    enrol(user)
    token = sign_in(Client(), user, door="api").json()["mfa_token"]

    assert post(OPTIONS, {"mfa_token": token}).json() == problem(401, "passkey_unknown")


def test_the_options_take_no_unknown_member(post):
    assert post(OPTIONS, {"email": "a@example.com"}).json() == invalid(("/email", "unknown_field"))
