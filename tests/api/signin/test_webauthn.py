"""Test passkeys in allauth's headless API: sign-in, second step, fresh proof, management."""

import json
from unittest.mock import ANY

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts.audit.models import AuditEvent
from accounts.factors.passkeys import options
from accounts.factors.passkeys.challenges import Purpose
from accounts.signins.models import AuthSession
from tests.kit.clients import CHROME, bearer, is_signed_in, sign_in
from tests.kit.factors import enrol_app, enrol_passkey
from tests.kit.passkeys import SoftAuthenticator
from tests.kit.proofs import let_proofs_age

pytestmark = pytest.mark.django_db
LOGIN, STEP = "auth/webauthn/login", "auth/webauthn/authenticate"
PROVE, MANAGE = "auth/webauthn/reauthenticate", "account/authenticators/webauthn"


@pytest.fixture
def phone(user):
    return enrol_passkey(user)


@pytest.fixture
def browser_call():
    """Call `/_allauth/browser/v1/…` as one frontend, whose cookies stay."""
    client = Client(headers={"user-agent": CHROME}, raise_request_exception=False)

    def call(method, path, body=None):
        data = b"" if body is None else json.dumps(body)
        path = f"/_allauth/browser/v1/{path}"
        return client.generic(method, path, data, content_type="application/json")

    call.client = client
    return call


def asked(answer, kind="request"):
    assert answer.status_code == 200, answer.content
    return answer.json()["data"][f"{kind}_options"]["publicKey"]


def errors(answer):
    return answer.status_code, [error["code"] for error in answer.json()["errors"]]


# Sign in


def test_an_app_signs_in(app, phone, user):
    done = app("POST", LOGIN, {"credential": phone.get(asked(app("GET", LOGIN)))})
    meta = done.json()["meta"]

    assert done.status_code == 200
    assert AuthSession.objects.get().amr == ["pop", "user", "mfa"]
    assert "session_token" not in meta
    assert Client().get("/api/me/", headers=bearer(meta["access_token"])).status_code == 200


def test_a_frontend_signs_in(browser_call, phone):
    options_ = asked(browser_call("GET", LOGIN))
    done = browser_call("POST", LOGIN, {"credential": phone.get(options_)})

    assert done.status_code == 200
    assert is_signed_in(browser_call.client)
    assert options_["allowCredentials"] == []


def test_a_caller_that_is_signed_in_gets_a_conflict(app, phone, pair):
    assert app("GET", LOGIN, **bearer(pair["access"])).status_code == 409


def test_a_refusal_has_the_code_of_the_pages(app, phone):
    refused = app("POST", LOGIN, {"credential": phone.get(asked(app("GET", LOGIN)), origin="x:")})

    assert refused.json()["errors"] == [
        {"code": "passkey_refused", "message": ANY, "param": "credential"}
    ]
    assert not AuthSession.objects.exists()
    assert AuditEvent.objects.get(type="login.failed").reason == "wrong_passkey"


@pytest.mark.parametrize("credential", [None, "", "x", 1, [], [1], {}, {"id": 1}])
def test_a_credential_of_another_shape_is_refused(app, credential):
    refused = app("POST", LOGIN, {"credential": credential})

    assert refused.status_code == 400
    assert set(errors(refused)[1]) <= {"required", "invalid", "passkey_unreadable"}


def test_refusals_are_limited(app, phone, settings):
    settings.LIMITS = settings.LIMITS | {"passkey": (2, 60)}
    answers = [app("POST", LOGIN, {"credential": {"id": "x"}}) for _ in range(3)]

    assert [each.status_code for each in answers] == [400, 400, 429]


def test_a_visitor_reads_that_passkeys_sign_in(app):
    flows = app("GET", "auth/session").json()["data"]["flows"]
    config = app("GET", "config").json()["data"]["mfa"]

    assert {"id": "mfa_login_webauthn"} in flows
    assert config == {
        "supported_types": ["totp", "recovery_codes", "webauthn"],
        "passkey_login_enabled": True,
    }


# The second step


def test_a_passkey_is_the_second_step(app, phone, user):
    waiting = sign_in(Client(), user, door="app").json()
    headers = {"x_session_token": waiting["meta"]["session_token"]}
    pending = [flow for flow in waiting["data"]["flows"] if flow.get("is_pending")]
    credential = phone.get(asked(app("GET", STEP, **headers)))
    done = app("POST", STEP, {"credential": credential}, **headers)

    assert pending == [{"id": "mfa_authenticate", "is_pending": True, "types": ["webauthn"]}]
    assert done.status_code == 200
    assert AuthSession.objects.get().amr == ["pwd", "pop", "user", "mfa"]


def test_the_second_step_needs_the_first(app, phone, user):
    credential = phone.get(options.request(Purpose.SECOND_STEP, user))

    assert app("GET", STEP).status_code == 401
    assert app("POST", STEP, {"credential": credential}).status_code == 401
    assert not AuthSession.objects.exists()


def test_an_account_without_a_passkey_gets_no_challenge(app, user):
    enrol_app(user)
    token = sign_in(Client(), user, door="app").json()["meta"]["session_token"]

    assert errors(app("GET", STEP, x_session_token=token)) == (400, ["passkey_unknown"])


# A fresh proof


def test_a_passkey_is_a_fresh_proof(app, phone, pair, user):
    let_proofs_age()
    headers = bearer(pair["access"])
    refused = Client().get("/api/me/data/", headers=headers)
    credential = phone.get(asked(app("GET", PROVE, **headers)))
    done = app("POST", PROVE, {"credential": credential}, **headers)

    assert refused.json()["flows"] == [{"id": "mfa_reauthenticate", "types": ["webauthn"]}]
    assert done.status_code == 200
    assert Client().get("/api/me/data/", headers=headers).status_code == 200


def test_another_accounts_passkey_proves_nothing(app, phone, pair):
    from tests.kit.factories import UserFactory  # noqa: PLC0415

    let_proofs_age()
    headers = bearer(pair["access"])
    theirs = enrol_passkey(UserFactory())
    credential = theirs.get(asked(app("GET", PROVE, **headers)), theirs.passkey)

    assert errors(app("POST", PROVE, {"credential": credential}, **headers)) == (
        400,
        ["passkey_unknown"],
    )
    assert Client().get("/api/me/data/", headers=headers).status_code == 401


def test_a_visitor_proves_nothing(app, phone):
    assert app("GET", PROVE).status_code == 401
    assert app("POST", PROVE, {"credential": {}}).status_code == 401


# Management


def test_an_app_adds_renames_and_removes_a_passkey(app, pair, user):
    headers, device = bearer(pair["access"]), SoftAuthenticator()
    creation = asked(app("GET", f"{MANAGE}?passwordless", **headers), "creation")
    body = {"name": "My phone", "credential": device.create(creation)}
    added = app("POST", MANAGE, body, **headers)
    row = Authenticator.objects.get(type="webauthn")
    renamed = app("PUT", MANAGE, {"id": row.pk, "name": "Old phone"}, **headers)
    listed = app("GET", "account/authenticators", **headers).json()["data"]
    removed = app("DELETE", MANAGE, {"authenticators": [row.pk]}, **headers)

    assert added.json()["data"] == {
        "type": "webauthn",
        "created_at": ANY,
        "last_used_at": None,
        "id": row.pk,
        "name": "My phone",
        "is_passwordless": True,
    }
    assert added.json()["meta"]["recovery_codes_generated"] is True
    assert len(added.json()["meta"]["recovery_codes"]) == 10
    assert renamed.json()["data"]["name"] == "Old phone"
    assert sorted(each["type"] for each in listed) == ["recovery_codes", "webauthn"]
    assert removed.status_code == 200
    assert not Authenticator.objects.exists()
    types = AuditEvent.objects.filter(type__startswith="factor").values_list("type", flat=True)
    assert sorted(types) == ["factor.added", "factor.removed"]


def test_an_added_passkey_signs_in(app, pair):
    headers, device = bearer(pair["access"]), SoftAuthenticator()
    creation = asked(app("GET", f"{MANAGE}?passwordless", **headers), "creation")
    app("POST", MANAGE, {"credential": device.create(creation)}, **headers)
    done = app("POST", LOGIN, {"credential": device.get(asked(app("GET", LOGIN)))})

    assert done.status_code == 200


def test_a_security_key_is_for_the_second_step(app, pair):
    headers, key = bearer(pair["access"]), SoftAuthenticator(is_synced=False)
    creation = asked(app("GET", MANAGE, **headers), "creation")
    app("POST", MANAGE, {"credential": key.create(creation)}, **headers)
    refused = app("POST", LOGIN, {"credential": key.get(asked(app("GET", LOGIN)))})

    assert creation["authenticatorSelection"]["residentKey"] == "discouraged"
    assert errors(refused) == (400, ["passkey_refused"])


@pytest.mark.parametrize(
    ("method", "body"),
    [("GET", None), ("POST", {}), ("PUT", {}), ("DELETE", {})],
)
def test_management_needs_a_fresh_proof(app, pair, phone, method, body):
    let_proofs_age()
    refused = app(method, MANAGE, body, **bearer(pair["access"]))

    assert refused.status_code == 401
    assert Authenticator.objects.count() == 1


def test_an_old_proof_uses_no_challenge_up(app, pair, user, confirm_by_app):
    headers, device = bearer(pair["access"]), SoftAuthenticator()
    creation = asked(app("GET", MANAGE, **headers), "creation")
    credential = device.create(creation)
    let_proofs_age()
    refused = app("POST", MANAGE, {"credential": credential}, **headers)
    confirm_by_app(pair["access"], user)

    assert refused.status_code == 401
    assert app("POST", MANAGE, {"credential": credential}, **headers).status_code == 200


@pytest.mark.parametrize("number", [10**19, 10**40, -1])
def test_an_id_of_no_passkey_is_refused(app, pair, phone, number):
    headers = bearer(pair["access"])
    renamed = app("PUT", MANAGE, {"id": number, "name": "Old phone"}, **headers)
    removed = app("DELETE", MANAGE, {"authenticators": [number]}, **headers)

    assert errors(renamed) == errors(removed) == (400, ["invalid_choice"])
    assert Authenticator.objects.count() == 1


def test_a_visitor_manages_nothing(app):
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert app(method, MANAGE, {} if method != "GET" else None).status_code == 401


def test_another_accounts_passkey_is_not_found(app, pair):
    from tests.kit.factories import UserFactory  # noqa: PLC0415

    enrol_passkey(UserFactory())
    row = Authenticator.objects.get()
    headers = bearer(pair["access"])

    assert app("PUT", MANAGE, {"id": row.pk, "name": "x"}, **headers).status_code == 400
    assert app("DELETE", MANAGE, {"authenticators": [row.pk]}, **headers).status_code == 400
    assert Authenticator.objects.get().data["name"] == row.data["name"]


@pytest.mark.parametrize("listed", [[10**30], ["9" * 25], [None], [[]], "1", {}])
def test_a_wrong_list_of_passkeys_removes_none(app, pair, phone, listed):
    headers = bearer(pair["access"])

    assert app("DELETE", MANAGE, {"authenticators": listed}, **headers).status_code == 400
    assert Authenticator.objects.filter(type="webauthn").exists()


def test_a_name_without_a_visible_character_is_refused(app, pair, phone):
    row = Authenticator.objects.get()
    refused = app("PUT", MANAGE, {"id": row.pk, "name": "\u200b \t"}, **bearer(pair["access"]))

    assert refused.status_code == 400
    assert Authenticator.objects.get().data["name"] == row.data["name"]


def test_a_challenge_to_sign_in_registers_nothing(app, pair, user):
    headers, device = bearer(pair["access"]), SoftAuthenticator()
    creation = asked(app("GET", MANAGE, **headers), "creation")
    for purpose in (Purpose.SIGN_IN, Purpose.SECOND_STEP, Purpose.FRESH_PROOF):
        other = options.request(purpose, None if purpose == Purpose.SIGN_IN else user)
        credential = device.create(creation | {"challenge": other["challenge"]})
        refused = app("POST", MANAGE, {"credential": credential}, **headers)
        assert errors(refused) == (400, ["passkey_expired"])

    assert not Authenticator.objects.exists()


def test_a_credential_is_registered_once(app, pair, phone, user):
    headers = bearer(pair["access"])
    creation = asked(app("GET", MANAGE, **headers), "creation")
    known = phone.passkey.credential_id
    credential = SoftAuthenticator().create(creation, credential_id=known)

    assert errors(app("POST", MANAGE, {"credential": credential}, **headers)) == (
        400,
        ["passkey_known"],
    )
