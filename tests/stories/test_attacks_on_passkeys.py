"""Attack passkeys at the API, the headless API and the page: lies, late, repeated and borrowed answers, copies, and floods of bytes."""

import json
import time
from unittest.mock import ANY

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_used
from django.test import Client
from django_redis import get_redis_connection

from accounts.audit.models import AuditEvent
from accounts.factors.passkeys import options
from accounts.factors.passkeys.challenges import Purpose
from accounts.signins.models import AuthSession
from tests.kit.clients import bearer, sign_in
from tests.kit.factories import UserFactory
from tests.kit.factors import enrol_passkey
from tests.kit.passkeys import (
    EDDSA,
    Passkey,
    SoftAuthenticator,
    endless_cbor,
    huge_cbor,
    nested_cbor,
)
from tests.kit.problems import invalid, problem
from tests.kit.racing import at_once

pytestmark = pytest.mark.django_db
OPTIONS, SIGN_IN, MFA = "/api/token/passkey/options/", "/api/token/passkey/", "/api/token/mfa/"
REFUSED = problem(401, "passkey_refused")
EXPIRED = problem(401, "passkey_expired")
UNKNOWN = problem(401, "passkey_unknown")
UNREADABLE = problem(401, "passkey_unreadable")


class SignIn:
    """The door of a passkey alone."""

    def __init__(self, post, user):
        self.post, self.user = post, user

    def ask(self):
        return self.post(OPTIONS, {}).json()["public_key"]

    def send(self, credential):
        return self.post(SIGN_IN, {"credential": credential})


class SecondStep(SignIn):
    """A passkey after a password."""

    def __init__(self, post, user):
        super().__init__(post, user)
        self.token = sign_in(Client(), user, door="api").json()["mfa_token"]

    def ask(self):
        return self.post(OPTIONS, {"mfa_token": self.token}).json()["public_key"]

    def send(self, credential):
        return self.post(MFA, {"mfa_token": self.token, "credential": credential})


@pytest.fixture
def phone(user):
    return enrol_passkey(user)


@pytest.fixture(params=[SignIn, SecondStep], ids=["alone", "after a password"])
def door(request, post, user, phone):
    return request.param(post, user)


@pytest.fixture
def alone(post, user, phone):
    return SignIn(post, user)


@pytest.fixture
def step(post, user, phone):
    return SecondStep(post, user)


@pytest.fixture
def no_limits(settings):
    settings.LIMITS = settings.LIMITS | {"passkey": (1000, 60)}


def opened():
    return AuthSession.objects.count()


LIES = {
    "another origin": ({"origin": "https://evil.example"}, REFUSED),
    "another port": ({"origin": "http://testserver:8080"}, REFUSED),
    "https in place of http": ({"origin": "https://testserver"}, REFUSED),
    "the origin in capitals": ({"origin": "HTTP://TESTSERVER"}, REFUSED),
    "a subdomain": ({"origin": "http://evil.testserver"}, REFUSED),
    "an unlisted app": ({"origin": "android:apk-key-hash:AAAA"}, REFUSED),
    "another RP": ({"rp_id": "evil.example"}, REFUSED),
    "in a frame": ({"is_cross_origin": True}, REFUSED),
    "in the frame of another site": ({"top_origin": "https://evil.example"}, REFUSED),
    "a registration": ({"type": "webauthn.create"}, REFUSED),
    "a payment": ({"type": "payment.get"}, REFUSED),
    "nobody present": ({"is_present": False}, REFUSED),
    "owner not verified": ({"is_verified": False}, problem(401, "passkey_unverified")),
    "no flags": ({"is_present": False, "is_verified": False}, problem(401, "passkey_unverified")),
    "backed up but not eligible": ({"is_eligible": False}, REFUSED),
    "no longer eligible": ({"is_eligible": False, "is_backed_up": False}, REFUSED),
    "another signature": ({"signature": b"\x30\x06\x02\x01\x01\x02\x01\x01"}, REFUSED),
    "another kind of key": ({"signer": Passkey("testserver", b"", algorithm=EDDSA)}, REFUSED),
    "another key": ({"signer": Passkey("testserver", b"")}, REFUSED),
    "another challenge": ({"challenge": b"0" * 32}, EXPIRED),
    "another account": ({"user_handle": b"0" * 16}, REFUSED),
    "a long handle": ({"user_handle": b"0" * 64}, REFUSED),
    "unknown credential": ({"credential_id": b"0" * 32}, UNKNOWN),
    "too short": ({"authenticator_data": b"0" * 36}, UNREADABLE),
    "too long": ({"authenticator_data": b"0" * 38}, UNREADABLE),
    "cut CBOR": ({"extensions": b"\xa1\x61"}, UNREADABLE),
    "endless CBOR": ({"extensions": endless_cbor()}, UNREADABLE),
    "deep CBOR": ({"extensions": nested_cbor(5000)}, UNREADABLE),
    "CBOR with a list as a key": ({"extensions": b"\xa1\x80\x00"}, UNREADABLE),
    "CBOR behind the end": ({"extensions": b"\xa0\x00"}, UNREADABLE),
    "a credential inside": ({"authenticator_data": b"0" * 32 + b"\x45" + b"0" * 4}, UNREADABLE),
    "client data that is no JSON": ({"raw_client_data": b"\xff\xfe"}, UNREADABLE),
    "empty client data": ({"raw_client_data": b"{}"}, UNREADABLE),
    "client data as a list": ({"raw_client_data": b"[]"}, UNREADABLE),
    "a number as the challenge": ({"raw_client_data": b'{"challenge":1}'}, UNREADABLE),
    "deep client data": ({"raw_client_data": b"[" * 5000}, UNREADABLE),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused(door, phone, lie):
    said, expected = LIES[lie]
    answer = door.send(phone.get(door.ask(), **said))

    assert answer.json() == expected
    assert not opened()
    assert AuditEvent.objects.filter(type="login.failed").count() == 1


@pytest.mark.slow
def test_the_headless_api_refuses_every_lie(app, phone, no_limits):
    path = "auth/webauthn/login"
    for name, (said, expected) in LIES.items():
        asked = app("GET", path).json()["data"]["request_options"]["publicKey"]
        answer = app("POST", path, {"credential": phone.get(asked, **said)})

        errors = [{"message": ANY, "code": expected["code"], "param": "credential"}]
        assert (name, answer.json()) == (name, {"status": 400, "errors": errors})
    assert not opened()


@pytest.mark.slow
def test_the_page_refuses_every_lie(browser, phone, no_limits):
    for name, (said, _) in LIES.items():
        asked = browser.get("/accounts/2fa/passkeys/options/sign_in/").json()
        form = {"credential": json.dumps(phone.get(asked, **said))}

        assert (name, browser.post("/accounts/login/passkey/", form).status_code) == (name, 400)
    assert not opened()


NEW_LIES = {
    "another origin": {"origin": "https://evil.example"},
    "another RP": {"rp_id": "evil.example"},
    "another challenge": {"challenge": b"0" * 32},
    "an assertion": {"type": "webauthn.get"},
    "in a frame": {"is_cross_origin": True},
    "nobody present": {"is_present": False},
    "owner not verified": {"is_verified": False},
    "backed up but not eligible": {"is_eligible": False},
    "no id": {"credential_id": b""},
    "a long id": {"credential_id": b"0" * 1024},
    "no key": {"public_key": b"\xa0"},
    "cut key": {"public_key": b"\xa5\x01"},
    "endless key": {"public_key": endless_cbor()},
    "deep key": {"public_key": nested_cbor(5000)},
    "a key of another kind": {"public_key": b"\xa1\x03\x38\x63"},
    "endless extensions": {"extensions": endless_cbor()},
    "deep extensions": {"extensions": nested_cbor(40_000)},
    "empty attestation": {"attestation": b""},
    "huge attestation": {"attestation": huge_cbor(40_000)},
    "deep attestation": {"attestation": nested_cbor(40_000)},
    "endless attestation": {"attestation": endless_cbor()},
    "no client data": {"raw_client_data": b""},
}


@pytest.mark.slow
def test_a_lie_registers_nothing(app, pair):
    path, headers = "account/authenticators/webauthn", bearer(pair["access"])
    for name, said in NEW_LIES.items():
        asked = app("GET", f"{path}?passwordless", **headers).json()["data"]["creation_options"]
        answer = app(
            "POST", path, {"credential": SoftAuthenticator().create(asked, **said)}, **headers
        )

        assert (name, answer.status_code) == (name, 400)
        assert answer.json()["errors"][0]["code"].startswith("passkey_"), name
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("origin", [[], {}, 1, None, "", "null", "http://testserver\x00"])
def test_a_strange_origin_is_refused(alone, phone, origin):
    asked = alone.ask()
    data = {"type": "webauthn.get", "challenge": asked["challenge"], "origin": origin}
    answer = alone.send(phone.get(asked, raw_client_data=json.dumps(data).encode()))

    assert answer.json() == REFUSED


def test_an_answer_counts_once(door, phone):
    credential = phone.get(door.ask())
    first, second = door.send(credential), door.send(credential)

    assert first.status_code == 200
    assert second.status_code == 401
    assert second.json()["code"] in {"passkey_expired", "invalid_mfa_token"}
    assert opened() == 1


def test_one_challenge_does_not_count_for_two_passkeys(alone, phone, user):
    second = enrol_passkey(user)
    asked = alone.ask()

    assert alone.send(phone.get(asked)).status_code == 200
    assert alone.send(second.get(asked)).json() == EXPIRED


def test_a_refused_answer_uses_the_challenge_up(door, phone):
    asked = door.ask()
    door.send(phone.get(asked, origin="https://evil.example"))

    assert door.send(phone.get(asked)).json() == EXPIRED
    assert not opened()


def test_a_late_answer_is_refused(door, phone):
    asked = door.ask()
    redis = get_redis_connection("default")
    (name,) = redis.keys("*passkeys:challenge:*")
    lifetime = redis.ttl(name)
    redis.pexpire(name, 1)
    time.sleep(0.01)

    assert 0 < lifetime <= 300
    assert door.send(phone.get(asked)).json() == EXPIRED
    assert not opened()


@pytest.mark.parametrize("purpose", [each for each in Purpose if each != Purpose.SIGN_IN])
def test_a_challenge_for_another_purpose_signs_nobody_in(alone, phone, user, purpose):
    answer = alone.send(phone.get(asked_for(purpose, user)))

    assert answer.json() == EXPIRED
    assert not opened()


@pytest.mark.parametrize("purpose", [each for each in Purpose if each != Purpose.SECOND_STEP])
def test_a_challenge_for_another_purpose_is_no_second_step(step, phone, user, purpose):
    answer = step.send(phone.get(asked_for(purpose, user)))

    assert answer.json() == EXPIRED
    assert not opened()


def asked_for(purpose, user):
    if purpose == Purpose.REGISTER:
        creation = options.creation(user, is_passkey=True)
        return {"challenge": creation["challenge"], "rpId": creation["rp"]["id"]}
    return options.request(purpose, None if purpose == Purpose.SIGN_IN else user)


def test_a_second_step_of_another_account_proves_nothing(step, phone, post):
    """The attacker knows the password of the victim, and has a passkey of an own account."""
    attacker = UserFactory()
    theirs = enrol_passkey(attacker)
    own = SecondStep(post, attacker)
    with_own_challenge = step.send(theirs.get(own.ask()))
    asked = step.ask()
    with_the_victims_challenge = step.send(theirs.get(asked, theirs.passkey))
    named_as_the_victims = step.send(
        theirs.get(
            step.ask(),
            theirs.passkey,
            credential_id=phone.passkey.credential_id,
            user_handle=phone.passkey.user_handle,
        )
    )

    assert with_own_challenge.json() == UNKNOWN
    assert with_the_victims_challenge.json() == UNKNOWN
    assert named_as_the_victims.json() == REFUSED
    assert not opened()


def test_an_owners_answer_finishes_no_sign_in_of_an_attacker(step, phone, post):
    """The victim's signature for a second step of its own is sent with the attacker's token."""
    attacker = UserFactory()
    enrol_passkey(attacker)
    own = SecondStep(post, attacker)

    assert own.send(phone.get(step.ask())).json() == UNKNOWN
    assert not opened()


def test_a_sign_in_names_the_account_of_the_passkey_only(alone, phone):
    victim = UserFactory()
    answer = alone.send(phone.get(alone.ask(), user_handle=victim.pk.bytes))

    assert answer.json() == REFUSED
    assert not opened()


def test_a_security_key_of_the_second_step_signs_nobody_in(alone, post, user):
    key = enrol_passkey(user, SoftAuthenticator(is_synced=False), is_passkey=False)
    answer = alone.send(key.get(alone.ask()))
    step = SecondStep(post, user)

    assert answer.json() == REFUSED
    assert step.send(key.get(step.ask())).status_code == 200


def test_a_passkey_that_is_removed_meanwhile_signs_nobody_in(alone, phone):
    """A reset removes it between the check of its answer and the opening of the sign-in."""

    def remove(authenticator, **kwargs):
        Authenticator.objects.filter(pk=authenticator.pk).delete()

    authenticator_used.connect(remove)
    try:
        answer = alone.send(phone.get(alone.ask()))
    finally:
        authenticator_used.disconnect(remove)

    assert answer.json() == REFUSED
    assert not AuthSession.objects.active().exists()


# Copies


def test_a_copied_key_is_refused_and_its_owner_is_warned(alone, user, deliver):
    key = enrol_passkey(user, SoftAuthenticator(is_synced=False))
    copy = key.clone()
    assert alone.send(key.get(alone.ask())).status_code == 200
    answer = alone.send(copy.get(alone.ask()))

    assert answer.json() == problem(401, "passkey_cloned")
    assert opened() == 1
    assert AuditEvent.objects.get(type="login.failed").reason == "cloned_passkey"
    assert [mail.to for mail in deliver()] == [[user.email]]


@pytest.mark.parametrize("count", [0, 1])
def test_a_count_that_does_not_grow_is_refused(alone, user, count):
    key = enrol_passkey(user, SoftAuthenticator(is_synced=False))

    assert alone.send(key.get(alone.ask(), count=count)).json() == problem(401, "passkey_cloned")


# At once


@pytest.mark.django_db(transaction=True)
def test_one_answer_sent_four_times_at_once_signs_in_once(alone, phone):
    credential = phone.get(alone.ask())
    answers = at_once(4, lambda _: alone.send(credential))

    assert sorted(each.status_code for each in answers) == [200, 401, 401, 401]
    assert [each.json() for each in answers if each.status_code == 401] == [EXPIRED] * 3
    assert opened() == 1


@pytest.mark.django_db(transaction=True)
def test_one_second_step_sent_with_many_tokens_signs_in_once(post, user, phone):
    steps = [SecondStep(post, user) for _ in range(4)]
    credential = phone.get(steps[0].ask())
    answers = at_once(4, lambda number: steps[number].send(credential).status_code)

    assert sorted(answers) == [200, 401, 401, 401]
    assert opened() == 1


@pytest.mark.django_db(transaction=True)
def test_an_mfa_token_sent_with_many_answers_signs_in_once(step, phone):
    credentials = [phone.get(step.ask()) for _ in range(4)]
    answers = at_once(4, lambda number: step.send(credentials[number]).status_code)

    assert sorted(answers) == [200, 401, 401, 401]
    assert opened() == 1


@pytest.mark.django_db(transaction=True)
def test_a_key_and_its_copy_at_once_sign_in_once(alone, user):
    key = enrol_passkey(user, SoftAuthenticator(is_synced=False))
    copies = [key, key.clone(), key.clone()]
    credentials = [each.get(alone.ask()) for each in copies]
    answers = at_once(3, lambda number: alone.send(credentials[number]))

    assert sorted(each.status_code for each in answers) == [200, 401, 401]
    refused = [each.json() for each in answers if each.status_code == 401]
    assert refused == [problem(401, "passkey_cloned")] * 2


# Floods


@pytest.mark.parametrize("path", [SIGN_IN, MFA, OPTIONS])
def test_a_megabyte_is_refused_before_parsing(post, alone, phone, path):
    credential = phone.get(alone.ask(), extensions=huge_cbor(1_000_000))
    answer = post(path, {"credential": credential, "mfa_token": "x"})

    assert answer.json() == problem(413, "body_too_large")


def test_the_largest_body_is_refused_by_its_longest_member(alone, phone):
    answer = alone.send(phone.get(alone.ask(), extensions=huge_cbor(40_000)))

    assert answer.json() == invalid(("/credential/response/authenticatorData", "max_length"))


@pytest.mark.parametrize("item", [b"\x80", b"\x00", b"\x40", b"\x81"])
def test_much_small_cbor_costs_little_time(alone, phone, item):
    """The owner of the passkey signs it, so it may sign in."""
    count = 6000
    extensions = b"\x99" + count.to_bytes(2, "big") + item * (count - 1) + b"\x00"
    credential = phone.get(alone.ask(), extensions=extensions)
    before = time.process_time()
    answer = alone.send(credential)
    seconds = time.process_time() - before

    assert answer.status_code in {200, 401}
    assert seconds < 1


STRANGE = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "\x00",
    "가",
    "=" * 4,
    "A" * 1401,
    [],
    [[]],
    {},
    {"a": 1},
]


@pytest.mark.parametrize("member", ["id", "rawId", "type", "response"])
def test_a_strange_member_is_refused(alone, phone, no_limits, member):
    for value in STRANGE:
        answer = alone.send(phone.get(alone.ask()) | {member: value})

        assert answer.status_code in {400, 401}, (value, answer.content)
        assert answer.json()["code"] in {"validation_error", "passkey_unreadable"}, value


@pytest.mark.parametrize(
    "member", ["clientDataJSON", "authenticatorData", "signature", "userHandle"]
)
def test_a_strange_member_of_the_response_is_refused(alone, phone, no_limits, member):
    for value in STRANGE:
        credential = phone.get(alone.ask())
        credential["response"][member] = value
        answer = alone.send(credential)

        assert answer.status_code in {400, 401}, (value, answer.content)
        assert not opened()


# What a stranger learns


def test_a_stranger_cannot_tell_who_has_a_passkey(alone, phone, user):
    """Without a credential's id, all accounts look the same, also those that don't exist."""
    owner, without = user.pk.bytes, UserFactory().pk.bytes
    bodies = []
    for handle in (owner, without, b"0" * 16):
        said = {"credential_id": b"1" * 32, "user_handle": handle}
        bodies.append(alone.send(SoftAuthenticator().get(alone.ask(), phone.passkey, **said)))

    assert [answer.json() for answer in bodies] == [UNKNOWN] * 3
    assert len({answer["Content-Length"] for answer in bodies}) == 1


def test_a_refusal_names_no_account(alone, phone, user):
    text = alone.send(phone.get(alone.ask(), signature=b"x")).text

    assert user.email not in text
    assert str(user.pk) not in text


def test_a_password_alone_reads_no_credential_of_another_client(step, post):
    """The options of a second step are for the client that gave the first one."""
    headers = {"user-agent": "a thief"}
    answer = post(OPTIONS, {"mfa_token": step.token}, headers=headers)

    assert answer.json() == problem(401, "invalid_mfa_token")
