from unittest.mock import ANY

import pytest

CHOI = "Vb6yN1_rKz0Qe4TgXs9MpLc3HwUo7JdFa2Ri5kYnEx8"
WITHHELD = "m2Xc7WfLp9Yq0VtRb5Jn-Kh3ZsGe8Ud1AoTi4yMrQx6"
NO_TOKEN = {"resultcode": "024", "message": "Authentication failed"}
NO_DATA = {"error": "invalid_request", "error_description": "no valid data in session"}
WRONG_CLIENT = {
    "error": "invalid_request",
    "error_description": "wrong client id / client secret pair",
}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def exchange(naver):
    def run(code=None, /, **changes):
        return naver.exchange(code or naver.code(), **({"state": "state-1"} | changes))

    return run


def test_code_flow_ends_in_navers_token_answer(naver, answer, exchange):
    returned = answer(naver.decide(naver.authorize()))

    response = exchange(returned["code"])

    assert returned == {"from": "demo", "state": "state-1", "code": ANY}
    assert (response.status_code, response.json()) == (
        200,
        {"access_token": ANY, "refresh_token": ANY, "token_type": "bearer", "expires_in": "3600"},
    )


def test_the_profile_is_wrapped_in_a_result(naver, exchange):
    token = exchange(naver.code(identity=CHOI)).json()["access_token"]

    profile = naver.get("/v1/nid/me", headers=bearer(token)).json()

    assert profile == {
        "resultcode": "00",
        "message": "success",
        "response": {
            "id": CHOI,
            "nickname": "지우",
            "name": "최지우",
            "email": "jiwoo.choi@example.com",
            "gender": "U",
            "birthday": "10-01",
            "birthyear": "1999",
            "mobile": "010-0000-0000",
        },
    }


@pytest.mark.parametrize(
    "choice", [{"identity": WITHHELD}, {"identity": "other", "name": "하늘", "email": ""}]
)
def test_withheld_email_is_left_out(naver, exchange, choice):
    token = exchange(naver.code(**choice)).json()["access_token"]

    profile = naver.get("/v1/nid/me", headers=bearer(token)).json()

    assert "email" not in profile["response"]


def test_cancel_returns_access_denied(naver, answer):
    assert answer(naver.decide(naver.authorize(), choice="cancel")) == {
        "from": "demo",
        "error": "access_denied",
        "error_description": "Canceled By User",
        "state": "state-1",
    }


@pytest.mark.parametrize(
    "change", [{"client_id": "someone-else"}, {"redirect_uri": "https://evil.example/"}]
)
def test_unproven_client_or_redirect_uri_never_redirects(naver, change):
    response = naver.authorize(**change)

    assert response.status_code == 400
    assert "Location" not in response.headers


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({"client_id": "no"}, WRONG_CLIENT),
        ({"client_secret": "wrong"}, WRONG_CLIENT),
        ({"code": "nope"}, NO_DATA),
        ({"code_verifier": "w" * 43}, NO_DATA),
        ({"state": ""}, {"error": "invalid_request", "error_description": "state is missing"}),
        ({"code": ["one", "two"]}, {"error": "invalid_request", "error_description": ANY}),
        ({"grant_type": "password"}, {"error": "unsupported_grant_type", "error_description": ANY}),
    ],
)
def test_token_endpoint_refuses_with_status_200(exchange, change, body):
    response = exchange(**change)

    assert (response.status_code, response.json()) == (200, body)


def test_a_replayed_code_is_refused_and_revokes_its_token(naver, exchange):
    code = naver.code()
    token = exchange(code).json()["access_token"]

    replay = exchange(code)

    assert (replay.status_code, replay.json()) == (200, NO_DATA)
    refused = naver.get("/v1/nid/me", headers=bearer(token))
    assert (refused.status_code, refused.json()) == (401, NO_TOKEN)


def test_a_missing_token_and_an_unknown_one_get_different_answers(naver):
    missing, unknown = naver.get("/v1/nid/me"), naver.get("/v1/nid/me", headers=bearer("unknown"))

    assert (missing.status_code, missing.json()["resultcode"]) == (401, "028")
    assert (unknown.status_code, unknown.json()) == (401, NO_TOKEN)


def test_refuses_to_start_outside_a_demo(launch, client_options):
    process, line = launch("demo.naver", *client_options, demo="")

    assert (line, process.wait(timeout=20)) == ("", 2)
    assert "set DEMO=1" in process.stderr.read()
