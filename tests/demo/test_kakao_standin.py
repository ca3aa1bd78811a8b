from unittest.mock import ANY

import pytest
import requests

NO_TOKEN = {"msg": "this access token does not exist", "code": -401}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def refused(error, description, code):
    return {"error": error, "error_description": description, "error_code": code}


def test_code_flow_ends_in_kakaos_token_answer(kakao, answer):
    returned = answer(kakao.decide(kakao.authorize()))

    response = kakao.exchange(returned["code"])

    assert returned == {"from": "demo", "state": "state-1", "code": ANY}
    assert (response.status_code, response.json()) == (
        200,
        {
            "id_token": ANY,
            "access_token": ANY,
            "token_type": "bearer",
            "refresh_token": ANY,
            "expires_in": 21599,
            "scope": "account_email profile_nickname",
            "refresh_token_expires_in": 5183999,
        },
    )


@pytest.mark.parametrize(
    ("identity", "name", "is_verified"),
    [("4012345671", "민지", True), ("4012345672", "도윤", False)],
)
def test_profile_has_kakaos_nested_shape(kakao, identity, name, is_verified):
    token = kakao.access_token(identity=identity)

    profile = kakao.get("/v2/user/me", headers=bearer(token)).json()

    assert profile == {
        "id": int(identity),
        "connected_at": ANY,
        "properties": {"nickname": name},
        "kakao_account": {
            "profile_nickname_needs_agreement": False,
            "profile": {"nickname": name, "is_default_nickname": False},
            "has_email": True,
            "email_needs_agreement": False,
            "is_email_valid": True,
            "is_email_verified": is_verified,
            "email": ANY,
        },
    }


@pytest.mark.parametrize(
    "choice",
    [
        {"identity": "4012345673"},
        {"identity": "other", "name": "하늘", "email": ""},
        {"asking": {"scope": "profile_nickname"}},
    ],
)
def test_withheld_email_is_left_out(kakao, choice):
    response = kakao.exchange(kakao.code(**choice)).json()

    profile = kakao.get("/v2/user/me", headers=bearer(response["access_token"])).json()

    assert response["scope"] == "profile_nickname"
    assert profile["kakao_account"] == {
        "profile_nickname_needs_agreement": False,
        "profile": {"nickname": ANY, "is_default_nickname": False},
        "has_email": True,
        "email_needs_agreement": True,
    }


def test_token_information_names_the_app(kakao):
    token = kakao.access_token()

    information = kakao.get("/v1/user/access_token_info", headers=bearer(token)).json()

    assert information == {"id": 4012345671, "expires_in": ANY, "app_id": 424242}
    assert 21000 < information["expires_in"] <= 21599


def test_unlink_ends_every_token_of_that_person_only(kakao):
    mine = [kakao.access_token(identity="4012345671") for _ in range(2)]
    other = kakao.access_token(identity="4012345672")

    response = kakao.post("/v1/user/unlink", headers=bearer(mine[0]))

    assert (response.status_code, response.json()) == (200, {"id": 4012345671})
    answers = [kakao.get("/v2/user/me", headers=bearer(token)) for token in mine]
    assert [(one.status_code, one.json()) for one in answers] == [(401, NO_TOKEN)] * 2
    assert kakao.get("/v2/user/me", headers=bearer(other)).status_code == 200


def test_logout_ends_this_token_only(kakao):
    ended, kept = kakao.access_token(), kakao.access_token()

    response = kakao.post("/v1/user/logout", headers=bearer(ended))

    assert (response.status_code, response.json()) == (200, {"id": 4012345671})
    assert kakao.get("/v2/user/me", headers=bearer(ended)).json() == NO_TOKEN
    assert kakao.get("/v2/user/me", headers=bearer(kept)).status_code == 200


def test_a_missing_token_and_an_unknown_one_get_different_answers(kakao):
    missing = kakao.get("/v2/user/me")
    unknown = kakao.get("/v2/user/me", headers=bearer("unknown"))

    assert (missing.status_code, missing.json()) == (
        401,
        {"msg": "no authentication key!", "code": -401},
    )
    assert (unknown.status_code, unknown.json()) == (401, NO_TOKEN)


def test_cancel_returns_access_denied(kakao, answer):
    returned = answer(kakao.decide(kakao.authorize(), choice="cancel"))

    assert returned == {
        "from": "demo",
        "error": "access_denied",
        "error_description": "User denied access",
        "state": "state-1",
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"client_id": "someone-else"}, "KOE101"),
        ({"redirect_uri": "https://evil.example/"}, "KOE006"),
    ],
)
def test_unproven_client_or_redirect_uri_never_redirects(kakao, change, code):
    response = kakao.authorize(**change)

    assert response.status_code == 400
    assert code in response.text
    assert "Location" not in response.headers


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "talk_message"}, "invalid_scope"),
        ({"state": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_other_authorise_errors_go_to_the_client(kakao, answer, change, error):
    assert answer(kakao.authorize(**change))["error"] == error


@pytest.mark.parametrize(
    ("change", "status", "body"),
    [
        ({"client_id": "no"}, 401, refused("invalid_client", "Not exist client_id [no]", "KOE101")),
        (
            {"client_secret": "wrong"},
            401,
            refused("invalid_client", "Bad client credentials", "KOE010"),
        ),
        ({"client_secret": ""}, 401, refused("invalid_client", "Bad client credentials", "KOE010")),
        (
            {"redirect_uri": "http://localhost:8000/"},
            400,
            refused("invalid_grant", "Redirect URI mismatch.", "KOE303"),
        ),
        (
            {"code": "nope"},
            400,
            refused("invalid_grant", "authorization code not found for code=nope", "KOE320"),
        ),
        (
            {"code_verifier": "w" * 43},
            400,
            refused("invalid_grant", "code_verifier does not match", "KOE320"),
        ),
        ({"code_verifier": ""}, 400, refused("invalid_grant", "code_verifier missing", "KOE320")),
        ({"grant_type": "refresh_token"}, 400, refused("unsupported_grant_type", ANY, "KOE310")),
        ({"code": ""}, 400, refused("invalid_request", "Missing parameter: code", "KOE001")),
        ({"code": ["one", "two"]}, 400, refused("invalid_request", ANY, "KOE001")),
    ],
)
def test_token_endpoint_refuses_in_kakaos_words(kakao, change, status, body):
    response = kakao.exchange(kakao.code(), **change)

    assert (response.status_code, response.json()) == (status, body)


def test_a_replayed_code_is_refused_and_revokes_its_token(kakao):
    code = kakao.code()
    token = kakao.exchange(code).json()["access_token"]

    replay = kakao.exchange(code)

    description = f"authorization code not found for code={code}"
    assert (replay.status_code, replay.json()) == (
        400,
        refused("invalid_grant", description, "KOE320"),
    )
    assert kakao.get("/v2/user/me", headers=bearer(token)).json() == NO_TOKEN


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/v2/user/me", "GET, HEAD, POST"),
        ("POST", "/v1/user/access_token_info", "GET, HEAD"),
        ("GET", "/v1/user/unlink", "POST"),
        ("GET", "/v1/user/logout", "POST"),
        ("GET", "/oauth/token", "POST"),
        ("POST", "/oauth/authorize", "GET, HEAD"),
    ],
)
def test_a_wrong_method_gets_an_allow_header(kakao, method, path, allow):
    response = requests.request(method, kakao.url + path, timeout=20)

    assert (response.status_code, response.headers["Allow"]) == (405, allow)


@pytest.mark.parametrize(
    ("key", "form", "status", "body"),
    [
        ("demo-kakao-admin-key", {"target_id": "4012345671"}, 200, {"id": 4012345671}),
        (
            "demo-kakao-admin-key",
            {"target_id": "1"},
            400,
            {"msg": "NotRegisteredUserException", "code": -101},
        ),
        (
            "demo-kakao-admin-key",
            {"target_id": ""},
            400,
            {"msg": "target_id must not be null", "code": -2},
        ),
        ("another", {"target_id": "4012345671"}, 401, {"msg": "wrong appKey format", "code": -401}),
    ],
)
def test_the_admin_key_unlinks_any_connected_user(kakao, key, form, status, body):
    token = kakao.access_token()
    answer = kakao.post(
        "/v1/user/unlink",
        data={"target_id_type": "user_id"} | form,
        headers={"Authorization": f"KakaoAK {key}"},
    )

    assert (answer.status_code, answer.json()) == (status, body)
    is_dead = kakao.get("/v2/user/me", headers=bearer(token)).json() == NO_TOKEN
    assert is_dead == (status == 200)
    assert not is_dead or kakao.get("/ended").json()["ended"][-1] == "4012345671"


def test_disconnecting_at_kakao_returns_its_webhook(kakao):
    assert kakao.post("/unlink-user", data={"user_id": "4012345671"}).json() == {
        "authorization": "KakaoAK demo-kakao-admin-key",
        "parameters": {
            "app_id": "424242",
            "user_id": "4012345671",
            "referrer_type": "UNLINK_FROM_APPS",
        },
    }


def test_refuses_to_start_outside_a_demo(launch, client_options):
    process, line = launch("demo.kakao", *client_options, demo="")

    assert (line, process.wait(timeout=20)) == ("", 2)
    assert "set DEMO=1" in process.stderr.read()


def test_stops_at_once_during_a_request(stop_status, client_options):
    assert stop_status("demo.kakao", *client_options) == 0
