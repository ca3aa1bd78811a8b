"""Receive Google's security events: they end sign-ins, and have no other effect."""

import logging

import pytest
from django.db import OperationalError
from django.test import Client

from accounts.federation.endings import reports
from accounts.federation.wire import fetch, jwks
from accounts.outbox.models import Job
from accounts.signins.models import AuthSession
from demo import faulty_claims, misbehaviour
from tests.kit.connections import connected, state_of
from tests.kit.factories import AuthSessionFactory
from tests.kit.problems import problem

pytestmark = pytest.mark.django_db
PATH = "/accounts/google/security-events/"
UID = "100000000000000000001"
SECEVENT = "application/secevent+jwt"
REFUSALS = {
    ("invalid_issuer", "another issuer"): {"wrong_issuer", "missing_issuer", "issuer_list"},
    ("invalid_audience", "another audience"): {
        "wrong_audience",
        "missing_audience",
        "empty_audience",
    },
    ("invalid_request", "a time is missing or no number"): {"missing_iat", "text_iat"},
    ("invalid_request", "issued too long ago, or not yet"): {
        "future_iat",
        "old_event",
        "endless_iat",
    },
    ("invalid_request", "no jti"): {"missing_jti", "number_jti", "long_jti"},
    ("invalid_request", "no security event token"): {
        "missing_events",
        "empty_events",
        "events_list",
        "event_with_nonce",
        "wrong_nonce",
        "nonce_list",
    },
    ("invalid_request", "an event is no object"): {"event_that_is_text"},
    ("invalid_request", "a subject of no known type"): {
        "missing_event_subject",
        "event_subject_list",
        "event_subject_of_other_type",
        "event_subject_type_list",
    },
    ("invalid_request", "a subject of another issuer"): {"event_subject_of_other_issuer"},
    ("invalid_request", "no subject"): {"event_subject_number", "event_subject_unprintable"},
    ("invalid_key", "another algorithm"): {
        "alg_none_with_signature",
        "alg_hs256",
        "alg_rs512",
        "alg_es256",
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
HARMLESS = {"second_audience", "wrong_azp", "missing_expiry", "missing_nonce", "missing_subject"}
"""Claims that only ID tokens have, and another client of the same Google project."""
OF_ID_TOKENS_ALONE = {
    *("expired", "endless", "infinite", "text_expiry", "true_expiry", "not_yet"),
    *("empty_subject", "number_subject", "long_subject", "unprintable_subject", "with_events"),
}


@pytest.fixture(autouse=True)
def said(caplog):
    caplog.set_level(logging.WARNING, "accounts.federation")
    return lambda: [one.getMessage() for one in caplog.records if one.name.startswith("accounts.")]


@pytest.fixture
def push():
    """Post an event as Google does: a body without cookies."""

    def run(token, content_type=SECEVENT, **headers):
        client = Client(raise_request_exception=False)
        return client.post(PATH, token, content_type=content_type, headers=headers)

    return run


UNTOUCHED = {
    "left": [["google"], ["google", "mfa"], ["pwd"]],
    "ended": set(),
    "connected": True,
    "recorded": [],
}


def alerted(event, **changes):
    return UNTOUCHED | {"recorded": [("social.alerted", event)]} | changes


ENDED = {"left": [["pwd"]], "ended": {"provider"}}


@pytest.mark.parametrize(
    ("event", "reason", "after"),
    [
        ("sessions-revoked", "", alerted("sessions_revoked", **ENDED)),
        ("tokens-revoked", "", alerted("tokens_revoked", **ENDED)),
        ("account-disabled", "", alerted("account_disabled", **ENDED)),
        ("account-disabled", "bulk-account", alerted("account_disabled", **ENDED)),
        ("account-disabled", "hijacking", alerted("hijacking", left=[], ended={"provider"})),
        (
            "account-purged",
            "",
            ENDED | {"connected": False, "recorded": [("social.unlinked", "google")]},
        ),
        ("account-credential-change-required", "", alerted("credential_change")),
        ("account-enabled", "", UNTOUCHED),
        ("token-revoked", "", UNTOUCHED),
        ("verification", "", UNTOUCHED),
        ("thought-of-later", "", UNTOUCHED),
    ],
)
def test_an_event_ends_the_sign_ins_that_it_names(google, push, event, reason, after):
    user, other = connected("google", UID), connected("google", "2")
    token = google.ask("security-event", event=event, sub=UID, reason=reason)["token"]

    answer = push(token)

    assert (answer.status_code, answer.content) == (202, b"")
    assert not answer.cookies
    assert state_of(user) == after
    assert state_of(other) == UNTOUCHED
    assert not Job.objects.filter(kind="unlink").exists()


def test_an_event_about_an_unknown_user_is_accepted(google, push):
    user = connected("kakao", UID)
    for event in ("sessions-revoked", "account-disabled", "account-purged"):
        token = google.ask("security-event", event=event, sub=UID, reason="hijacking")["token"]

        assert push(token).status_code == 202

    assert AuthSession.objects.filter(user=user, revoked_at=None).count() == 3
    assert not Job.objects.filter(kind="mail").exists()


def test_every_fault_of_an_event_has_a_test():
    met = set().union(*REFUSALS.values()) | HARMLESS | OF_ID_TOKENS_ALONE

    assert met == {*faulty_claims.CLAIMS, *faulty_claims.EVENTS, *misbehaviour.SIGNATURES}


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("fault", "err", "why"),
    [(fault, *why) for why, faults in REFUSALS.items() for fault in sorted(faults)],
)
def test_a_faulty_event_is_refused_with_its_reason(google, push, said, fault, err, why):
    user = connected("google", UID)
    google.misbehave(fault)
    token = google.ask("security-event", event="account-disabled", sub=UID, reason="hijacking")[
        "token"
    ]

    answer = push(token)

    assert answer.status_code == 400
    assert answer.json() == {"err": err, "description": why}
    assert answer["Content-Type"] == "application/json"
    assert answer["Content-Language"] == "en"
    assert said() == [f"a security event of google was refused: {why}"]
    assert state_of(user) == UNTOUCHED


@pytest.mark.parametrize("fault", sorted(HARMLESS))
def test_an_allowed_variation_of_an_event_is_accepted(google, push, fault):
    user = connected("google", UID)
    google.misbehave(fault)

    answer = push(google.ask("security-event", event="sessions-revoked", sub=UID)["token"])

    assert answer.status_code == 202
    assert state_of(user)["left"] == [["pwd"]]


def test_an_event_for_another_client_is_refused(google, push):
    token = google.ask("security-event", event="verification", client_id="elsewhere")["token"]

    assert push(token).json()["err"] == "invalid_audience"


def test_an_event_for_our_native_app_is_accepted(google, push):
    user = connected("google", UID)
    form = {"event": "sessions-revoked", "sub": UID, "client_id": "google-ios"}

    assert push(google.ask("security-event", **form)["token"]).status_code == 202
    assert state_of(user)["left"] == [["pwd"]]


@pytest.mark.parametrize("nonce", ["", "nonce-of-the-app"])
def test_an_id_token_is_no_event(google, push, nonce):
    user = connected("google", UID)
    token = google.native(nonce=nonce, client_id="google-web")["id_token"]

    answer = push(token)

    assert answer.status_code == 400
    assert answer.json() == {"err": "invalid_request", "description": "no security event token"}
    assert state_of(user) == UNTOUCHED


@pytest.mark.parametrize("door", ["api", "headless"])
def test_an_event_is_no_id_token(google, send, door):
    connected("google", UID)
    form = {"event": "sessions-revoked", "sub": UID, "client_id": google.native_client}
    token = google.ask("security-event", **form)["token"]

    answer = send(door, google, {"id_token": token})

    assert answer.status_code in {400, 401}
    assert AuthSession.objects.count() == 3


def test_an_event_counts_once(google, push):
    user = connected("google", UID)
    token = google.ask("security-event", event="sessions-revoked", sub=UID)["token"]
    push(token)
    AuthSessionFactory(user=user, amr=["google"])

    again = push(token)

    assert again.status_code == 202
    assert state_of(user) == alerted("sessions_revoked", **ENDED | {"left": [["google"], ["pwd"]]})


def test_a_failed_event_is_accepted_when_google_repeats_it(google, push, monkeypatch):
    user = connected("google", UID)
    token = google.ask("security-event", event="sessions-revoked", sub=UID)["token"]
    with monkeypatch.context() as patch:
        patch.setattr(reports.sessions, "revoke_opened_by", _fail)
        first = push(token)

    again = push(token)

    assert (first.status_code, again.status_code) == (503, 202)
    assert first.json() == problem(503, "store_unavailable")
    assert state_of(user) == alerted("sessions_revoked", **ENDED)


def _fail(*args, **kwargs):
    raise OperationalError


def test_without_redis_an_event_gets_a_503(google, push, use_redis, make_redis):
    user = connected("google", UID)
    token = google.ask("security-event", event="sessions-revoked", sub=UID)["token"]
    server = use_redis(make_redis(), "default")
    server.kill()

    answer = push(token)

    assert answer.status_code == 503
    assert answer.json() == problem(503, "store_unavailable")
    assert state_of(user) == UNTOUCHED


def test_without_googles_keys_an_event_gets_a_503(google, push, monkeypatch):
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 0.5)
    user = connected("google", UID)
    token = google.ask("security-event", event="sessions-revoked", sub=UID)["token"]
    google.misbehave("status_500", "oauth2/v3/certs")
    jwks.forget()

    answer = push(token)

    assert answer.status_code == 503
    assert answer.json() == problem(503, "provider_unavailable")
    assert state_of(user) == UNTOUCHED


NO_EVENTS = [
    ("", SECEVENT, 400, "invalid_request"),
    ("x", SECEVENT, 400, "invalid_request"),
    (b"\xff\x00.a.b", SECEVENT, 400, "invalid_request"),
    ("a.b.c", SECEVENT, 400, "invalid_request"),
    ("a" * 9000, SECEVENT, 400, "invalid_request"),
    ("a.b.c", "application/json", 400, None),
    ('{"token": 1}', "application/json", 400, "invalid_request"),
    ("a.b.c", "application/jwt", 400, "invalid_request"),
    ("a.b.c", "application/x-www-form-urlencoded", 400, "invalid_request"),
    ("a" * 70_000, SECEVENT, 413, None),
]


def test_a_body_that_is_no_event_is_refused(google, push):
    for body, content_type, status, err in NO_EVENTS:
        answer = push(body, content_type)

        assert answer.status_code == status, body[:20]
        if err:
            assert answer.json()["err"] == err
        else:
            assert answer["Content-Type"] == "application/problem+json"


def test_a_google_account_hijack_is_mailed_to_its_owner(google, push, deliver):
    user = connected("google", UID)
    form = {"event": "account-disabled", "sub": UID, "reason": "hijacking"}

    push(google.ask("security-event", **form)["token"])

    (mail,) = deliver()
    assert mail.to == [user.email]
    assert mail.subject == "[Munjigi] Your Google account may be in wrong hands"
    assert "We signed out all your devices" in mail.body
