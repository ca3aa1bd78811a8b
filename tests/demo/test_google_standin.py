import base64
import hashlib
import json
import time
from unittest.mock import ANY
from urllib.parse import quote

import jwt
import pytest
import requests
from cryptography import x509

LONG_SCOPES = "https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile openid"
INVALID_GRANT = {"error": "invalid_grant", "error_description": "Bad Request"}


def decode(token, key, google):
    return jwt.PyJWT().decode(
        token, key, algorithms=["RS256"], audience="demo-client", issuer=google.issuer
    )


def test_code_flow_ends_in_tokens_that_both_key_documents_verify(google, answer):
    page = google.authorize(nonce="nonce-1")
    returned = answer(google.decide(page))
    response = google.exchange(returned["code"])

    assert returned == {
        "from": "demo",
        "state": "state-1",
        "code": ANY,
        "iss": google.issuer,
        "scope": LONG_SCOPES,
        "authuser": "0",
        "prompt": "consent",
    }
    body = response.json()
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-store")
    assert body == {
        "access_token": ANY,
        "expires_in": 3599,
        "scope": LONG_SCOPES,
        "token_type": "Bearer",
        "id_token": ANY,
    }
    kid = jwt.get_unverified_header(body["id_token"])["kid"]
    jwk = jwt.PyJWKSet.from_dict(google.get("/oauth2/v3/certs").json())[kid]
    certificate = x509.load_pem_x509_certificate(
        google.get("/oauth2/v1/certs").json()[kid].encode()
    )
    half = hashlib.sha256(body["access_token"].encode()).digest()[:16]
    claims = decode(body["id_token"], jwk.key, google)
    assert claims == decode(body["id_token"], certificate.public_key(), google)
    assert claims == {
        "iss": google.issuer,
        "azp": "demo-client",
        "aud": "demo-client",
        "sub": "100000000000000000001",
        "email": "minji.kim@example.com",
        "email_verified": True,
        "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
        "nonce": "nonce-1",
        "name": "Minji Kim",
        "given_name": "Minji",
        "family_name": "Kim",
        "locale": "ko",
        "iat": ANY,
        "exp": claims["iat"] + 3600,
    }


def test_discovery_lists_addresses_of_the_stand_in(google):
    document = google.get("/.well-known/openid-configuration").json()

    assert document["issuer"] == google.issuer
    endpoints = {
        name: url for name, url in document.items() if name.endswith(("_endpoint", "_uri"))
    }
    assert endpoints == {
        "authorization_endpoint": f"{google.issuer}/o/oauth2/v2/auth",
        "token_endpoint": f"{google.issuer}/token",
        "userinfo_endpoint": f"{google.issuer}/v1/userinfo",
        "revocation_endpoint": f"{google.issuer}/revoke",
        "jwks_uri": f"{google.issuer}/oauth2/v3/certs",
    }


def test_email_scope_alone_gives_no_name(google):
    token = google.access_token(asking={"scope": "openid email"})

    userinfo = google.get("/v1/userinfo", headers={"Authorization": f"Bearer {token}"})

    expected = {
        "sub": "100000000000000000001",
        "email": "minji.kim@example.com",
        "email_verified": True,
    }
    assert userinfo.json() == expected


def test_older_userinfo_keeps_its_older_shape(google):
    token = google.access_token(identity="100000000000000000003")

    userinfo = google.get("/oauth2/v2/userinfo", headers={"Authorization": f"Bearer {token}"})

    assert userinfo.json() == {
        "id": "100000000000000000003",
        "email": "robin.park@example.org",
        "verified_email": False,
        "name": "Robin Park",
        "given_name": "Robin",
        "family_name": "Park",
    }


def test_a_typed_identity_keeps_its_account(google):
    typed = {"identity": "other", "name": "하늘", "email": "haneul@example.com"}
    bearer = [{"Authorization": f"Bearer {google.access_token(**typed)}"} for _ in range(2)]

    first, second = (google.get("/v1/userinfo", headers=headers).json() for headers in bearer)

    assert first == second
    assert (first["email"], first["name"]) == ("haneul@example.com", "하늘")


@pytest.mark.parametrize("email", ["", "not-an-address", "a@b@c", "x" * 250 + "@example.com"])
def test_a_malformed_address_shows_the_page_again(google, email):
    response = google.decide(google.authorize(), identity="other", name="A", email=email)

    assert response.status_code == 400
    assert 'role="alert"' in response.text


def test_cancel_returns_access_denied(google, answer):
    response = google.decide(google.authorize(), choice="cancel")

    assert answer(response) == {"from": "demo", "error": "access_denied", "state": "state-1"}


def test_consent_can_be_given_once(google):
    page = google.authorize()
    google.decide(page)

    again = google.decide(page)

    assert again.status_code == 400
    assert "Location" not in again.headers


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"client_id": "someone-else"}, 401),
        ({"client_id": None}, 401),
        ({"client_id": ["demo-client", "demo-client"]}, 401),
        ({"redirect_uri": "https://evil.example/"}, 400),
        ({"redirect_uri": "http://localhost:8000/callback/"}, 400),
        ({"redirect_uri": None}, 400),
        ({"redirect_uri": "\0"}, 400),
    ],
)
def test_unproven_client_or_redirect_uri_never_redirects(google, change, status):
    response = google.authorize(**change)

    assert response.status_code == status
    assert "Location" not in response.headers


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "email https://www.googleapis.com/auth/drive"}, "invalid_scope"),
        ({"state": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"nonce": ["one", "two"]}, "invalid_request"),
        ({"nonce": "x" * 3000}, "invalid_request"),
        ({"nonce": "nul\0"}, "invalid_request"),
    ],
)
def test_other_authorise_errors_go_to_the_client(google, answer, change, error):
    returned = answer(google.authorize(**change))

    state = {} if change.get("state", "") is None else {"state": "state-1"}
    assert returned == {"from": "demo", "error": error, "error_description": ANY} | state


@pytest.mark.parametrize(
    ("change", "status", "body"),
    [
        (
            {"client_secret": "wrong"},
            401,
            {"error": "invalid_client", "error_description": "Unauthorized"},
        ),
        (
            {"client_id": "no"},
            401,
            {"error": "invalid_client", "error_description": "The OAuth client was not found."},
        ),
        (
            {"redirect_uri": "http://localhost:8000/"},
            400,
            {"error": "redirect_uri_mismatch", "error_description": ANY},
        ),
        ({"code": "wrong"}, 400, INVALID_GRANT),
        (
            {"code_verifier": "w" * 43},
            400,
            {"error": "invalid_grant", "error_description": "Invalid code verifier."},
        ),
        (
            {"code_verifier": ""},
            400,
            {"error": "invalid_grant", "error_description": "Missing code verifier."},
        ),
        (
            {"grant_type": "password"},
            400,
            {"error": "unsupported_grant_type", "error_description": ANY},
        ),
        (
            {"code": ""},
            400,
            {"error": "invalid_request", "error_description": "Missing required parameter: code"},
        ),
        ({"code": ["one", "two"]}, 400, {"error": "invalid_request", "error_description": ANY}),
        ({"code": "nul\0"}, 400, {"error": "invalid_request", "error_description": ANY}),
    ],
)
def test_token_endpoint_refuses(google, change, status, body):
    response = google.exchange(google.code(), **change)

    assert (response.status_code, response.json()) == (status, body)


def test_client_may_authenticate_by_basic_instead(google):
    form = {"client_id": "", "client_secret": ""}
    pair = base64.b64encode(b"demo-client:" + quote("demo-secret").encode()).decode()
    wrong = base64.b64encode(b"demo-client:wrong").decode()
    url, fields = google.url + "/token", {"grant_type": "authorization_code"} | form

    accepted = requests.post(
        url, data=fields, headers={"Authorization": f"Basic {pair}"}, timeout=20
    )
    refused = requests.post(
        url, data=fields, headers={"Authorization": f"Basic {wrong}"}, timeout=20
    )

    assert accepted.json()["error_description"] == "Missing required parameter: code"
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (
        401,
        'Basic realm="token"',
    )


def test_a_replayed_code_is_refused_and_revokes_its_token(google):
    code = google.code()
    bearer = {"Authorization": f"Bearer {google.exchange(code).json()['access_token']}"}
    before = google.get("/v1/userinfo", headers=bearer).status_code

    replay = google.exchange(code)

    assert (replay.status_code, replay.json()) == (400, INVALID_GRANT)
    assert (before, google.get("/v1/userinfo", headers=bearer).status_code) == (200, 401)


def test_code_expires(hasty_google):
    code = hasty_google.code()
    time.sleep(0.15)

    response = hasty_google.exchange(code)

    assert (response.status_code, response.json()) == (400, INVALID_GRANT)


def test_a_revoked_token_is_refused(google):
    token = google.access_token()

    first, second = (google.post("/revoke", data={"token": token}) for _ in range(2))

    userinfo = google.get("/v1/userinfo", headers={"Authorization": f"Bearer {token}"})
    older = google.get("/oauth2/v2/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert (first.status_code, first.json()) == (200, {})
    assert (second.status_code, second.json()["error"]) == (400, "invalid_token")
    assert userinfo.json() == {
        "error": "invalid_request",
        "error_description": "Invalid Credentials",
    }
    assert older.json() == {"error": {"code": 401, "message": ANY, "status": "UNAUTHENTICATED"}}


@pytest.mark.parametrize(
    ("language", "notice"),
    [
        ("en-GB,en", "Stand-in Google, for local demos. No real account is used."),
        ("ko-KR,ko;q=0.9", "로컬 데모용 가짜 Google입니다. 실제 계정은 사용하지 않습니다."),
    ],
)
def test_page_says_that_it_is_a_stand_in(google, language, notice):
    page = google.get("/o/oauth2/v2/auth", headers={"Accept-Language": language})

    assert notice in page.text


def test_consent_page_allows_nothing_inline(google):
    page = google.authorize()

    assert page.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; form-action 'self' http://localhost:8000; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    assert "<script" not in page.text
    assert "style=" not in page.text


@pytest.mark.parametrize("kind", ["refresh_token", "access_token"])
def test_only_a_refresh_token_ends_the_grant(google, answer, kind):
    silently = {"prompt": "none", "login_hint": "100000000000000000002"}
    google.access_token(identity="100000000000000000002")
    agreed = answer(google.authorize(**silently, access_type="offline"))
    tokens = google.exchange(agreed["code"]).json()
    revoked = google.post("/revoke", data={"token": tokens[kind]})

    again = answer(google.authorize(**silently))

    assert agreed["state"] == "state-1"
    assert (revoked.status_code, revoked.json()) == (200, {})
    if kind == "refresh_token":
        assert google.get("/ended").json()["ended"][-1] == "100000000000000000002"
        assert again == {"from": "demo", "error": "interaction_required", "state": "state-1"}
    else:
        assert "code" in again


def test_without_offline_access_there_is_no_refresh_token(google):
    assert "refresh_token" not in google.exchange(google.code()).json()


def test_a_security_event_is_signed_and_typed(google):
    form = {"event": "account-disabled", "sub": "1", "reason": "hijacking"}
    token = google.post("/security-event", data=form).json()["token"]
    jwk = jwt.PyJWKSet.from_dict(google.get("/oauth2/v3/certs").json()).keys[0]

    claims = jwt.PyJWS().decode(token, jwk.key, algorithms=["RS256"])

    header = jwt.get_unverified_header(token)
    assert (header["typ"], header["kid"]) == ("secevent+jwt", jwk.key_id)
    issuer = f"{google.issuer}/"
    assert json.loads(claims) == {
        "iss": issuer,
        "aud": "demo-client",
        "iat": ANY,
        "jti": ANY,
        "events": {
            "https://schemas.openid.net/secevent/risc/event-type/account-disabled": {
                "subject": {"subject_type": "iss-sub", "iss": issuer, "sub": "1"},
                "reason": "hijacking",
            }
        },
    }
