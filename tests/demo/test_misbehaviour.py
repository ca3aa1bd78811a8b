"""Commit faults on request only."""

from unittest.mock import ANY

import jwt
import pytest


@pytest.fixture(autouse=True)
def behave_again(google, kakao):
    yield
    for standin in (google, kakao):
        standin.post("/misbehave", data={"fault": ""})


def tokens(standin, **form):
    return standin.post("/native", data={"client_id": "app", "nonce": "n"} | form).json()


def claims(token):
    return jwt.PyJWT().decode(token, options={"verify_signature": False})


def test_an_sdk_gets_both_tokens_for_the_client_and_nonce_it_names(google, kakao):
    for standin in (google, kakao):
        answer = tokens(standin)
        sent = claims(answer["id_token"])

        assert answer == {"access_token": ANY, "id_token": ANY}
        assert (sent["iss"], sent["aud"], sent["nonce"]) == (standin.issuer, "app", "n")


def test_kakaos_id_token_does_not_say_that_the_email_is_verified(kakao):
    assert claims(tokens(kakao)["id_token"]) == {
        "iss": kakao.issuer,
        "aud": "app",
        "sub": "4012345671",
        "auth_time": ANY,
        "nickname": "민지",
        "email": "minji.kim@example.com",
        "nonce": "n",
        "iat": ANY,
        "exp": ANY,
    }


def test_kakaos_published_key_verifies_its_id_tokens(kakao):
    token = tokens(kakao)["id_token"]
    keys = jwt.PyJWKSet.from_dict(kakao.get("/.well-known/jwks.json").json())

    key = keys[jwt.get_unverified_header(token)["kid"]]

    assert jwt.PyJWS().decode(token, key.key, algorithms=["RS256"])


def test_a_fault_lasts_until_the_next_request(google):
    reply = google.post("/misbehave", data={"fault": "wrong_nonce"}).json()
    faulty = claims(tokens(google)["id_token"])
    google.post("/misbehave", data={"fault": ""})
    good = claims(tokens(google)["id_token"])

    assert reply == {"fault": "wrong_nonce", "at": ""}
    assert faulty | {"nonce": "n", "at_hash": ANY, "iat": ANY, "exp": ANY} == good
    assert faulty["nonce"] == "another-nonce"


def test_a_faulty_answer_is_given_at_the_named_path_only(google):
    google.post("/misbehave", data={"fault": "status_500", "at": "oauth2/v3/certs"})

    assert google.get("/oauth2/v3/certs").status_code == 500
    assert google.get("/oauth2/v1/certs").status_code == 200


def test_a_rotated_key_replaces_the_one_before(google):
    before = google.get("/oauth2/v3/certs").json()

    google.post("/misbehave", data={"fault": "rotate_keys"})

    after = google.get("/oauth2/v3/certs").json()
    assert before["keys"][0]["kid"] != after["keys"][0]["kid"]
    assert jwt.get_unverified_header(tokens(google)["id_token"])["kid"] == after["keys"][0]["kid"]


def test_an_unknown_fault_is_refused(google):
    for order in ({"fault": "typo"}, {"fault": "slow"}, {"fault": "slow", "at": "/"}):
        refused = google.post("/misbehave", data=order)
        assert refused.status_code == 400
        assert refused.json() == {"error": "unknown fault, or one that needs a path in at"}
    assert google.get("/misbehave").status_code == 405
