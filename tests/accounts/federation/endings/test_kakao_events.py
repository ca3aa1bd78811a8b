"""Kakao's account status webhook: security event tokens that end sign-ins and connections."""

import logging

import pytest
from django.test import Client

from accounts.federation.wire import fetch, jwks
from accounts.outbox.models import Job
from accounts.signins.models import AuthSession
from demo import faulty_claims, misbehaviour
from tests.kit.connections import connected, state_of
from tests.kit.factories import AuthSessionFactory
from tests.kit.problems import problem

pytestmark = pytest.mark.django_db
PATH = "/accounts/kakao/security-events/"
UID = "4012345671"
SECEVENT = "application/secevent+jwt"
UNTOUCHED = {
    "left": [["kakao"], ["kakao", "mfa"], ["pwd"]],
    "ended": set(),
    "connected": True,
    "recorded": [],
}
ENDED = {"left": [["pwd"]], "ended": {"provider"}}
UNLINKED = ENDED | {"connected": False, "recorded": [("social.unlinked", "kakao")]}
REFUSALS = {
    ("invalid_issuer", "another issuer"): {"wrong_issuer", "missing_issuer", "issuer_list"},
    ("invalid_audience", "another audience"): {
        *("wrong_audience", "missing_audience", "empty_audience"),
    },
    ("invalid_request", "a time is missing or no number"): {"missing_iat", "text_iat"},
    ("invalid_request", "issued too long ago, or not yet"): {
        *("future_iat", "old_event", "endless_iat"),
    },
    ("invalid_request", "no jti"): {"missing_jti", "number_jti", "long_jti"},
    ("invalid_request", "no security event token"): {
        *("missing_events", "empty_events", "events_list", "event_with_nonce", "wrong_nonce"),
        "nonce_list",
    },
    ("invalid_request", "an event is no object"): {"event_that_is_text"},
    ("invalid_request", "a subject of no known type"): {
        *("event_subject_list", "event_subject_of_other_type", "event_subject_type_list"),
    },
    ("invalid_request", "a subject of another issuer"): {"event_subject_of_other_issuer"},
    ("invalid_request", "no subject"): {"event_subject_number", "event_subject_unprintable"},
    ("invalid_request", "no user id"): {"empty_subject", "long_subject", "unprintable_subject"},
    ("invalid_request", "no subject, or two"): {"number_subject"},
    ("invalid_key", "another algorithm"): {
        *("alg_none_with_signature", "alg_hs256", "alg_rs512", "alg_es256"),
    },
    ("invalid_key", "unknown kid"): {"unknown_kid", "embedded_key"},
    ("invalid_key", "no kid"): {"missing_kid"},
    ("authentication_failed", "bad signature"): {"bad_signature", "forged_signature"},
    ("invalid_request", "another kind of token"): {"other_type"},
    ("invalid_request", "malformed header"): {"critical_header"},
    ("invalid_request", "the claims aren't an object"): {"claims_list"},
    ("invalid_request", "no compact JWS"): {"alg_none", "not_a_token"},
}
"""Each fault is refused for what it is."""
HARMLESS = {
    *("second_audience", "wrong_azp", "missing_expiry", "missing_nonce"),
    *("missing_subject", "missing_event_subject"),  # one of the two is enough
}
OF_ID_TOKENS_ALONE = {
    *("expired", "endless", "infinite", "text_expiry", "true_expiry", "not_yet", "with_events"),
}


@pytest.fixture(autouse=True)
def said(caplog):
    caplog.set_level(logging.WARNING, "accounts.federation")
    return lambda: [one.getMessage() for one in caplog.records if one.name.startswith("accounts.")]


@pytest.fixture
def push():
    """As Kakao pushes: a body, and nothing that a browser would send."""

    def run(token, content_type=SECEVENT):
        client = Client(raise_request_exception=False)
        return client.post(PATH, token, content_type=content_type)

    return run


def event_of(kakao, event, **form):
    return kakao.ask("security-event", **{"event": event, "sub": UID} | form)["token"]


def alerted(event, **changes):
    return UNTOUCHED | {"recorded": [("social.alerted", event)]} | changes


@pytest.mark.parametrize(
    ("event", "after"),
    [
        ("user-unlinked", UNLINKED),
        ("account-purged", UNLINKED),
        ("tokens-revoked", alerted("tokens_revoked", **ENDED)),
        ("sessions-revoked", alerted("sessions_revoked", **ENDED)),
        ("session-revoked", alerted("sessions_revoked", **ENDED)),
        ("account-disabled", alerted("account_disabled", **ENDED)),
        ("credential-change", alerted("credential_changed", **ENDED)),
        ("credential-compromise", alerted("credential_change", **ENDED)),
        ("account-credential-change-required", alerted("credential_change")),
        ("account-enabled", UNTOUCHED),
        ("assurance-level-change", UNTOUCHED),
        ("token-revoked", UNTOUCHED),
        ("user-linked", UNTOUCHED),
        ("user-scope-withdraw", UNTOUCHED),
        ("user-profile-changed", UNTOUCHED),
        ("verification", UNTOUCHED),
    ],
)
def test_an_event_ends_what_it_concerns(kakao, push, event, after):
    user, other = connected("kakao", UID), connected("kakao", "2")

    answer = push(event_of(kakao, event, reason="UNLINK_FROM_APPS"))

    assert (answer.status_code, answer.content) == (202, b"")
    assert not answer.cookies
    assert state_of(user) == after
    assert state_of(other) == UNTOUCHED
    assert not Job.objects.filter(kind="unlink").exists()


def test_an_event_about_another_person_or_provider_ends_nothing_here(kakao, push):
    user = connected("google", UID)

    assert push(event_of(kakao, "user-unlinked")).status_code == 202
    assert AuthSession.objects.filter(user=user, revoked_at=None).count() == 3


def test_every_fault_of_an_event_is_met():
    met = set().union(*REFUSALS.values()) | HARMLESS | OF_ID_TOKENS_ALONE

    assert met == {*faulty_claims.CLAIMS, *faulty_claims.EVENTS, *misbehaviour.SIGNATURES}


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("fault", "err", "why"),
    [(fault, *why) for why, faults in REFUSALS.items() for fault in sorted(faults)],
)
def test_a_faulty_event_is_refused_for_what_it_is(kakao, push, said, fault, err, why):
    user = connected("kakao", UID)
    kakao.misbehave(fault)

    answer = push(event_of(kakao, "user-unlinked"))

    assert answer.status_code == 400
    assert answer.json() == {"err": err, "description": why}
    assert said() == [f"a security event of kakao was refused: {why}"]
    assert state_of(user) == UNTOUCHED


@pytest.mark.parametrize("fault", sorted(HARMLESS))
def test_an_allowed_variation_of_an_event_is_accepted(kakao, push, fault):
    user = connected("kakao", UID)
    kakao.misbehave(fault)

    assert push(event_of(kakao, "user-unlinked")).status_code == 202
    assert state_of(user) == UNLINKED


def test_an_event_for_another_app_is_refused(kakao, push):
    user = connected("kakao", UID)

    answer = push(event_of(kakao, "user-unlinked", client_id="elsewhere"))

    assert answer.json()["err"] == "invalid_audience"
    assert state_of(user) == UNTOUCHED


def test_an_event_of_google_is_refused_at_kakaos_address(google, kakao, push):
    user = connected("kakao", UID)
    token = google.ask("security-event", event="account-purged", sub=UID)["token"]

    assert push(token).json()["err"] == "invalid_key"
    assert state_of(user) == UNTOUCHED


def test_an_id_token_is_no_event_and_an_event_no_id_token(kakao, push, send):
    user = connected("kakao", UID)
    id_token = kakao.native(client_id="kakao-web")["id_token"]
    token = event_of(kakao, "user-linked", client_id=kakao.native_client)

    assert push(id_token).json()["description"] == "no security event token"
    assert send("api", kakao, {"id_token": token}).status_code == 401
    assert state_of(user)["left"] == UNTOUCHED["left"]


def test_an_event_counts_once(kakao, push):
    user = connected("kakao", UID)
    token = event_of(kakao, "credential-change")
    push(token)
    AuthSessionFactory(user=user, amr=["kakao"])

    again = push(token)

    assert again.status_code == 202
    assert state_of(user)["left"] == [["kakao"], ["pwd"]]


def test_without_redis_an_event_is_refused_so_that_kakao_repeats_it(
    kakao, push, use_redis, make_redis
):
    user = connected("kakao", UID)
    token = event_of(kakao, "user-unlinked")
    use_redis(make_redis(), "default").kill()

    answer = push(token)

    assert answer.status_code == 503
    assert answer.json() == problem(503, "store_unavailable")
    assert state_of(user) == UNTOUCHED


def test_without_kakaos_keys_an_event_waits(kakao, push, monkeypatch):
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 0.5)
    user = connected("kakao", UID)
    token = event_of(kakao, "user-unlinked")
    kakao.misbehave("status_500", ".well-known/jwks.json")
    jwks.forget()

    answer = push(token)

    assert answer.status_code == 503
    assert answer.json() == problem(503, "provider_unavailable")
    assert state_of(user) == UNTOUCHED


@pytest.mark.parametrize("content_type", ["application/json", "application/jwt"])
def test_another_content_type_is_refused(kakao, push, content_type):
    assert push(event_of(kakao, "user-unlinked"), content_type).status_code == 400


def test_a_get_is_refused(client, kakao):
    assert client.get(PATH).status_code == 405
