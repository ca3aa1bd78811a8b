"""Commit every fault of the stand-ins at every door: a clear error, and no account and no sign-in."""

import logging
from unittest.mock import ANY

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount

from accounts.audit.models import AuditEvent
from accounts.federation.wire import fetch, jwks
from accounts.outbox.models import Job
from accounts.people.models import User
from accounts.signins.models import AuthSession
from demo import misbehaviour
from tests.kit.problems import problem
from tests.kit.standins import access_token_in

pytestmark = [pytest.mark.django_db, pytest.mark.sweep]
DOORS = pytest.mark.parametrize("door", ["api", "headless"])
NONCE = "nonce-of-the-app"
UNAVAILABLE = {"slow", "drip", "status_500", "status_503", "status_429"}
REASONS = {
    "another issuer": {"wrong_issuer", "missing_issuer", "issuer_list"},
    "another audience": {"wrong_audience", "missing_audience", "empty_audience", "second_audience"},
    "another authorized party": {"wrong_azp"},
    "expired": {"expired"},
    "valid for too long to be remembered": {"endless", "infinite"},
    "a time is missing or no number": {
        "missing_expiry",
        "text_expiry",
        "true_expiry",
        "missing_iat",
    },
    "not valid yet": {"future_iat", "not_yet"},
    "no subject": {
        "missing_subject",
        "empty_subject",
        "number_subject",
        "long_subject",
        "unprintable_subject",
    },
    "a security event token": {"with_events"},
    "another nonce": {"wrong_nonce", "missing_nonce", "nonce_list"},
    "another algorithm": {"alg_none_with_signature", "alg_hs256", "alg_rs512", "alg_es256"},
    "bad signature": {"bad_signature", "forged_signature"},
    "unknown kid": {"unknown_kid", "embedded_key"},
    "no kid": {"missing_kid"},
    "another kind of token": {"other_type"},
    "malformed header": {"critical_header"},
    "the claims aren't an object": {"claims_list"},
    "no compact JWS": {"alg_none", "not_a_token"},
}
"""Each fault is refused for what it is, not for something else that went wrong on the way."""
TOKEN_FAULTS = [(fault, why) for why, faults in REASONS.items() for fault in sorted(faults)]
ENDPOINTS = {
    ("google", "web"): ["token", "oauth2/v3/certs"],
    ("google", "native"): ["oauth2/v3/certs"],
    ("kakao", "web"): ["oauth/token", "v2/user/me"],
    ("naver", "web"): ["oauth2.0/token", "v1/nid/me"],
    ("kakao", "native"): ["v1/user/access_token_info", "v2/user/me"],
}


def answers(way):
    return [
        pytest.param(standin, at, fault, id=f"{standin}-{at}-{fault}")
        for (standin, door), paths in ENDPOINTS.items()
        for at in paths
        for fault in misbehaviour.ANSWERS
        if door == way
    ]


def is_unavailability(at, fault):
    """Return True if this fault makes the provider count as unavailable.

    Faults of the key document belong here, because without keys the site can't verify a token.
    """
    return fault in UNAVAILABLE or "certs" in at


@pytest.fixture(autouse=True)
def impatient(monkeypatch, request):
    """Wait half a second for an answer that never ends, and longer for all others: a busy machine is no fault."""
    fault = getattr(request.node, "callspec", None) and request.node.callspec.params.get("fault")
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 0.5 if fault in {"slow", "drip"} else 20.0)


@pytest.fixture
def said(caplog):
    """Return the log lines about providers."""
    caplog.set_level(logging.WARNING)
    names = {
        "accounts.pages.social_adapter",
        "accounts.federation.providers.base",
        "api.signin.social",
    }
    return lambda: [record.getMessage() for record in caplog.records if record.name in names]


def assert_nothing_was_made():
    assert not User.objects.exists()
    assert not SocialAccount.objects.exists()
    assert not EmailAddress.objects.exists()
    assert not AuthSession.objects.exists()
    assert not Job.objects.filter(kind="mail").exists()


def assert_page_leads_back(page, status=401):
    assert page.status_code == status
    assert 'href="/accounts/login/"' in page.text
    assert "Traceback" not in page.text


def assert_refused(door, response):
    if door == "api":
        assert response.status_code == 401
        assert response.json() == problem(401, "invalid_credentials")
        assert response["Cache-Control"] == "no-store"
    else:
        assert response.status_code == 400
        assert response.json() == {
            "status": 400,
            "errors": [{"message": "Invalid token.", "code": "invalid_token", "param": "token"}],
        }


def assert_unavailable(response):
    assert response.status_code == 503
    assert response.json() == problem(503, "provider_unavailable")
    assert response["Retry-After"]
    assert response["Content-Type"] == "application/problem+json"


def test_every_fault_of_a_token_has_a_test():
    assert {fault for fault, _ in TOKEN_FAULTS} == {*misbehaviour.CLAIMS, *misbehaviour.SIGNATURES}


@pytest.mark.parametrize(("fault", "why"), TOKEN_FAULTS)
def test_a_faulty_id_token_ends_on_a_page_that_leads_back(google, walk, visitor, said, fault, why):
    google.misbehave(fault)

    page = walk(google)

    assert_page_leads_back(page)
    assert said() == [f"a sign-in by google failed: {why}"]
    assert_nothing_was_made()
    assert visitor.get("/api/me/").status_code == 401


@DOORS
@pytest.mark.parametrize(("fault", "why"), TOKEN_FAULTS)
@pytest.mark.parametrize("standin", ["google", "kakao"], indirect=True)
def test_a_faulty_id_token_is_refused(standin, send, said, door, fault, why):
    """Kakao's ID token comes with a good access token, which must not help."""
    standin.misbehave(fault)
    tokens = standin.native(nonce=NONCE)
    if standin.name == "google":
        del tokens["access_token"]

    response = send(door, standin, tokens, nonce=NONCE)

    assert_refused(door, response)
    assert said() == [f"a token of {standin.name} was refused: {why}"]
    assert_nothing_was_made()


@DOORS
@pytest.mark.parametrize("standin", ["google", "kakao"], indirect=True)
def test_without_a_fault_the_same_token_signs_in(standin, send, door):
    """Without this, the tests above could pass because every token is refused."""
    response = send(door, standin, standin.native(nonce=NONCE), nonce=NONCE)

    assert response.status_code == 200, response.content
    assert access_token_in(response)
    assert SocialAccount.objects.get().provider == standin.name


@pytest.mark.parametrize(("name", "at", "fault"), answers("web"))
def test_a_faulty_answer_ends_on_a_page_that_leads_back(request, walk, name, at, fault):
    standin = request.getfixturevalue(name)
    standin.misbehave(fault, at)

    page = walk(standin)

    assert_page_leads_back(page, 503 if is_unavailability(at, fault) else 401)
    assert ("doesn't answer at the moment" in page.text) == is_unavailability(at, fault)
    assert page.get("Retry-After") == ("60" if is_unavailability(at, fault) else None)
    assert_nothing_was_made()


@DOORS
@pytest.mark.parametrize(("name", "at", "fault"), answers("native"))
def test_a_faulty_answer_and_a_bad_token_are_different_errors(request, send, door, name, at, fault):
    standin = request.getfixturevalue(name)
    tokens = standin.native()
    tokens = (
        {"id_token": tokens["id_token"]}
        if name == "google"
        else {"access_token": tokens["access_token"]}
    )
    standin.misbehave(fault, at)

    response = send(door, standin, tokens)

    if is_unavailability(at, fault):
        assert_unavailable(response)
    else:
        assert_refused(door, response)
    assert_nothing_was_made()


@pytest.mark.parametrize("fault", ["missing_id", "strange_id"])
def test_a_kakao_profile_without_an_id_ends_on_a_page_with_a_way_back(kakao, walk, fault):
    kakao.misbehave(fault)

    assert_page_leads_back(walk(kakao))
    assert_nothing_was_made()


@pytest.mark.parametrize(
    "fault",
    ["invalid_email", "email_without_verdict", "email_with_text_verdict"],
)
def test_a_kakao_email_counts_only_when_valid_and_verified(kakao, walk, visitor, fault):
    kakao.misbehave(fault)

    answer = walk(kakao)

    assert answer["Location"] == "/accounts/confirm-email/"
    assert EmailAddress.objects.get().verified is False
    assert visitor.get("/api/me/").status_code == 401


@pytest.mark.parametrize("fault", ["strange_email", "long_email", "strange_profile"])
def test_a_malformed_kakao_email_is_asked_for(kakao, walk, fault):
    kakao.misbehave(fault)

    answer = walk(kakao)

    assert answer["Location"] == "/accounts/3rdparty/signup/"
    assert_nothing_was_made()


def test_a_strange_nickname_is_cut_to_the_columns_limits(kakao, walk):
    kakao.misbehave("strange_nickname")

    walk(kakao)

    assert User.objects.get().display_name == "가" * 80


@DOORS
@pytest.mark.parametrize("fault", [*misbehaviour.TOKEN_INFOS, "other_person"])
def test_an_access_token_that_is_not_ours_is_refused(kakao, send, door, fault):
    kakao.misbehave(fault)
    tokens = {"access_token": kakao.native()["access_token"]}

    response = send(door, kakao, tokens)

    assert_refused(door, response)
    assert_nothing_was_made()


def test_a_refusal_is_in_the_audit_log(google, send):
    google.misbehave("wrong_audience")

    send("api", google, {"id_token": google.native()["id_token"]})

    assert AuditEvent.objects.values("type", "identifier", "reason", "user", "ip").get() == {
        "type": "login.failed",
        "identifier": "google",
        "reason": "provider_token_refused",
        "user": None,
        "ip": ANY,
    }


def test_cached_keys_work_while_the_provider_is_down(google, send):
    assert send("api", google, {"id_token": google.native()["id_token"]}).status_code == 200
    google.misbehave("status_500", "oauth2/v3/certs")
    keys = jwks._sets[f"{google.origin}/oauth2/v3/certs"]
    keys._read_at -= jwks.TTL_SECONDS
    keys._tried_at -= jwks.TTL_SECONDS

    response = send("api", google, {"id_token": google.native(identity="other")["id_token"]})

    assert response.status_code == 200


def test_keys_older_than_a_day_are_not_used(google, send):
    send("api", google, {"id_token": google.native()["id_token"]})
    google.misbehave("status_500", "oauth2/v3/certs")
    keys = jwks._sets[f"{google.origin}/oauth2/v3/certs"]
    keys._read_at -= jwks.MAX_STALE_SECONDS
    keys._tried_at -= jwks.MAX_STALE_SECONDS

    response = send("api", google, {"id_token": google.native()["id_token"]})

    assert_unavailable(response)


def test_an_unknown_kid_makes_the_site_read_the_keys(google, send):
    send("api", google, {"id_token": google.native()["id_token"]})
    jwks._sets[f"{google.origin}/oauth2/v3/certs"]._tried_at -= jwks.UNKNOWN_KID_SECONDS
    google.misbehave("rotate_keys")

    response = send("api", google, {"id_token": google.native()["id_token"]})

    assert response.status_code == 200


def test_forged_kids_cause_one_request_a_minute(google, send):
    send("api", google, {"id_token": google.native()["id_token"]})
    keys = jwks._sets[f"{google.origin}/oauth2/v3/certs"]
    tried_at = keys._tried_at
    google.misbehave("unknown_kid")

    for _ in range(3):
        assert_refused("api", send("api", google, {"id_token": google.native()["id_token"]}))

    assert keys._tried_at == tried_at
