"""Accept the signature of a passkey once; refuse lies, copies, and answers for something else."""

import json
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.utils import timezone

from accounts.factors.passkeys import answers, challenges, credentials, options
from accounts.factors.passkeys.challenges import Purpose
from accounts.factors.passkeys.errors import PasskeyError
from tests.kit.factories import UserFactory
from tests.kit.factors import enrol_passkey
from tests.kit.passkeys import (
    SoftAuthenticator,
    endless_cbor,
    huge_cbor,
    nested_cbor,
)
from tests.kit.racing import at_once

SIGN_IN, STEP, PROOF = Purpose.SIGN_IN, Purpose.SECOND_STEP, Purpose.FRESH_PROOF


@pytest.fixture
def phone(user):
    """A phone with a synced passkey of the user."""
    return enrol_passkey(user)


@pytest.fixture
def key(user):
    """A security key that counts, for the second step only."""
    return enrol_passkey(user, SoftAuthenticator(is_synced=False), is_passkey=False)


def check(credential, purpose=SIGN_IN, user=None):
    """Return the row's user, or the code of the refusal."""
    try:
        return answers.check(credential, purpose, user).user
    except PasskeyError as error:
        return error.code


def row():
    return Authenticator.objects.get(type="webauthn")


def test_a_passkey_names_its_account(user, phone):
    assert check(phone.get(options.request(SIGN_IN))) == user


def test_an_answer_is_good_once(user, phone):
    credential = phone.get(options.request(SIGN_IN))

    assert check(credential) == user
    assert check(credential) == "passkey_expired"


@pytest.mark.django_db(transaction=True)
def test_of_two_same_answers_at_once_one_is_right(user, phone):
    credential = phone.get(options.request(SIGN_IN))

    found = at_once(2, lambda _: check(credential))

    assert sorted(map(str, found)) == sorted([str(user), "passkey_expired"])


def test_a_challenge_lasts_five_minutes(user, phone, settings):
    from django_redis import get_redis_connection  # noqa: PLC0415

    request = options.request(SIGN_IN)
    redis = get_redis_connection("default")
    (name,) = redis.keys("*passkeys:challenge:*")

    assert 0 < redis.ttl(name) <= 300
    redis.delete(name)
    assert check(phone.get(request)) == "passkey_expired"


@pytest.mark.parametrize("made_for", [STEP, PROOF, Purpose.REGISTER])
def test_an_answer_for_another_purpose_is_refused(user, phone, made_for):
    request = options.request(made_for, user) if made_for != "register" else options.request(STEP)

    assert check(phone.get(request)) == "passkey_expired"


def test_a_challenge_of_another_account_is_refused(user, phone):
    request = options.request(STEP, UserFactory())
    request["allowCredentials"] = []

    assert check(phone.get(request), STEP, user) == "passkey_expired"


def test_a_passkey_of_another_account_is_no_second_step(user, phone):
    other = UserFactory()
    theirs = enrol_passkey(other)
    request = options.request(STEP, user)
    request["allowCredentials"] = []

    assert check(theirs.get(request), STEP, user) == "passkey_unknown"


LIES = {
    "other origin": ({"origin": "https://evil.example"}, "passkey_refused"),
    "other port": ({"origin": "http://localhost:1"}, "passkey_refused"),
    "other RP": ({"rp_id": "evil.example"}, "passkey_refused"),
    "in a frame": ({"is_cross_origin": True}, "passkey_refused"),
    "in another site's frame": ({"top_origin": "https://evil.example"}, "passkey_refused"),
    "registration": ({"type": "webauthn.create"}, "passkey_refused"),
    "nobody there": ({"is_present": False}, "passkey_refused"),
    "owner not checked": ({"is_verified": False}, "passkey_unverified"),
    "signature": ({"signature": b"\0" * 70}, "passkey_refused"),
    "no signature": ({"signature": b""}, "passkey_refused"),
    "challenge": ({"challenge": b"\0" * 32}, "passkey_expired"),
    "no challenge": ({"challenge": b""}, "passkey_expired"),
    "unknown credential": ({"credential_id": b"x" * 32}, "passkey_unknown"),
    "other account": ({"user_handle": b"\0" * 16}, "passkey_refused"),
    "no account": ({"user_handle": b""}, "passkey_refused"),
    "now on one device": ({"is_eligible": False, "is_backed_up": False}, "passkey_refused"),
    "synced but cannot be": ({"is_eligible": False, "is_backed_up": True}, "passkey_refused"),
    "extensions": ({"extensions": nested_cbor(5000)}, "passkey_unreadable"),
    "endless list": ({"extensions": endless_cbor()}, "passkey_unreadable"),
    "a megabyte": ({"extensions": huge_cbor(1 << 20)}, "passkey_unreadable"),
    "client data": ({"raw_client_data": b"[" * 5000}, "passkey_unreadable"),
    "no client data": ({"raw_client_data": b""}, "passkey_unreadable"),
    "client data is no object": ({"raw_client_data": b"[]"}, "passkey_unreadable"),
    "short authenticator data": ({"authenticator_data": b"\0" * 36}, "passkey_unreadable"),
}


@pytest.mark.parametrize(("lie", "code"), LIES.values(), ids=LIES)
def test_a_lie_is_refused(user, phone, lie, code):
    assert check(phone.get(options.request(SIGN_IN), **lie)) == code
    assert row().last_used_at is None


def test_the_signature_of_another_key_is_refused(user, phone):
    stranger = enrol_passkey(UserFactory())
    credential = phone.get(options.request(SIGN_IN), signer=stranger.passkey)

    assert check(credential) == "passkey_refused"


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("rawId"),
        lambda c: c.pop("response"),
        lambda c: c.update(response=[]),
        lambda c: c.update(response=None),
        lambda c: c.update(id="other"),
        lambda c: c.update(rawId=10**15, id=10**15),
        lambda c: c["response"].pop("signature"),
        lambda c: c["response"].update(signature={}),
        lambda c: c["response"].update(signature=10**15),
        lambda c: c["response"].update(userHandle=[]),
        lambda c: c["response"].update(authenticatorData="%%%"),
        lambda c: c["response"].update(clientDataJSON="ÿ"),
        lambda c: c.clear(),
    ],
    ids=range(13),
)
def test_an_answer_of_another_form_is_unreadable(user, phone, change):
    credential = phone.get(options.request(SIGN_IN))
    change(credential)

    assert check(credential) in {"passkey_unreadable", "passkey_refused"}


@pytest.mark.parametrize("text", ["", "[]", "7", "null", "{", '{"a":' * 5000, "x" * 70_000])
def test_a_text_that_is_no_credential_is_unreadable(text):
    with pytest.raises(PasskeyError) as caught:
        answers.parse(text)

    assert caught.value.code == "passkey_unreadable"


def test_a_text_of_an_answer_is_read(user, phone):
    text = json.dumps(phone.get(options.request(SIGN_IN)))

    assert check(answers.parse(text)) == user


# Security keys


def test_a_security_key_is_a_second_step(user, key):
    assert check(key.get(options.request(STEP, user), is_verified=False), STEP, user) == user


def test_a_security_key_for_the_second_step_does_not_sign_in(user, key):
    assert check(key.get(options.request(SIGN_IN))) == "passkey_refused"


def test_a_passkey_checks_its_owner_also_as_a_second_step(user, phone):
    request = options.request(STEP, user)

    assert request["userVerification"] == "required"
    assert check(phone.get(request, is_verified=False), STEP, user) == "passkey_unverified"


def test_a_copy_that_counts_by_itself_is_found(user, key):
    copy = key.clone()
    assert check(key.get(options.request(STEP, user)), STEP, user) == user
    assert check(key.get(options.request(STEP, user)), STEP, user) == user

    assert check(copy.get(options.request(STEP, user)), STEP, user) == "passkey_cloned"


@pytest.mark.parametrize("count", [0, 1])
def test_a_count_that_does_not_grow_is_refused(user, key, count):
    assert check(key.get(options.request(STEP, user), count=count), STEP, user) == "passkey_cloned"


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_with_one_count_one_is_right(user, key):
    both = [key.get(options.request(STEP, user), count=7) for _ in range(2)]

    found = at_once(2, lambda number: check(both[number], STEP, user))

    assert sorted(map(str, found)) == sorted([str(user), "passkey_cloned"])
    assert row().data["sign_count"] == 7


def test_a_passkey_that_never_counts_stays_right(user, phone):
    found = [check(phone.get(options.request(SIGN_IN))) for _ in range(3)]

    assert found == [user] * 3


def test_an_answer_renews_what_is_known_of_the_passkey(user, phone):
    check(phone.get(options.request(SIGN_IN), is_backed_up=False))

    assert not row().data["is_synced"]
    assert row().data["is_syncable"]
    assert timezone.now() - row().last_used_at < timedelta(minutes=1)


# Adding


def register(credential, user):
    try:
        return answers.register(credential, user).is_passkey
    except PasskeyError as error:
        return error.code


@pytest.mark.parametrize("algorithm", options.ALGORITHMS)
def test_a_key_of_each_algorithm_signs_in(user, algorithm):
    device = enrol_passkey(user, algorithm=algorithm)

    assert check(device.get(options.request(SIGN_IN))) == user


WRONG_REGISTRATIONS = {
    "other origin": ({"origin": "https://evil.example"}, "passkey_refused"),
    "other RP": ({"rp_id": "evil.example"}, "passkey_refused"),
    "in a frame": ({"is_cross_origin": True}, "passkey_refused"),
    "assertion": ({"type": "webauthn.get"}, "passkey_refused"),
    "nobody there": ({"is_present": False}, "passkey_refused"),
    "owner not checked": ({"is_verified": False}, "passkey_unverified"),
    "challenge": ({"challenge": b"\0" * 32}, "passkey_expired"),
    "backed up but cannot be": ({"is_eligible": False, "is_backed_up": True}, "passkey_refused"),
    "long id": ({"credential_id": b"x" * 1024}, "passkey_refused"),
    "no id": ({"credential_id": b""}, "passkey_refused"),
    "no key": ({"public_key": b"\xa0"}, "passkey_unreadable"),
    "key of lists": ({"public_key": nested_cbor(5000)}, "passkey_unreadable"),
    "attestation of lists": ({"attestation": nested_cbor(9000)}, "passkey_unreadable"),
    "a megabyte": ({"attestation": huge_cbor(1 << 20)}, "passkey_unreadable"),
    "endless": ({"attestation": endless_cbor()}, "passkey_unreadable"),
    "no attestation": ({"attestation": b""}, "passkey_unreadable"),
}


@pytest.mark.parametrize(("lie", "code"), WRONG_REGISTRATIONS.values(), ids=WRONG_REGISTRATIONS)
def test_a_wrong_registration_is_refused(user, lie, code):
    request = options.creation(user, is_passkey=True)

    assert register(SoftAuthenticator().create(request, **lie), user) == code


def test_a_key_of_another_algorithm_is_refused(user):
    from fido2 import cbor  # noqa: PLC0415

    request = options.creation(user, is_passkey=True)
    weak = cbor.encode({1: 3, 3: -65535, -1: b"\1" * 256, -2: b"\1\0\1"})

    assert register(SoftAuthenticator().create(request, public_key=weak), user) == "passkey_refused"


def test_a_registration_is_good_once_and_for_its_account(user):
    credential = SoftAuthenticator().create(options.creation(user, is_passkey=True))

    assert register(credential, user) is True
    assert register(credential, user) == "passkey_expired"
    stolen = SoftAuthenticator().create(options.creation(user, is_passkey=True))
    assert register(stolen, UserFactory()) == "passkey_expired"


def test_a_security_key_need_not_check_its_owner(user):
    request = options.creation(user, is_passkey=False)

    assert register(SoftAuthenticator().create(request, is_verified=False), user) is False


def test_devices_learn_nothing_personal_but_the_names(user):
    request = options.creation(user, is_passkey=True)

    assert credentials.handle_of(user) == user.pk.bytes
    assert request["user"]["name"] == user.email
    assert len(challenges.issue(STEP, user, demands_verification=True)) == 32


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite reads the whole table")
def test_an_index_finds_a_credential(user, phone):
    """In a large table, the answer of one passkey must not read all rows."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    rows = credentials.named(phone.passkey.credential_id)

    assert "unique_passkey_credential" in rows.explain()


@pytest.mark.parametrize(
    "text",
    [
        *("nonsense", "[]", '"text"'),
        pytest.param('{"id": "' + "a" * answers.MAX_CHARACTERS + '"}', id="too long"),
    ],
)
def test_text_that_holds_no_credential_is_unreadable(text):
    with pytest.raises(PasskeyError) as refused:
        answers.parse(text)

    assert refused.value.code == "passkey_unreadable"


def test_a_passkey_removed_during_the_check_signs_nobody_in(user, phone, monkeypatch):
    credential = phone.get(options.request(SIGN_IN))

    def removed_first(row, data, **columns):
        row.delete()
        return False

    monkeypatch.setattr(credentials, "replace", removed_first)

    assert check(credential) == "passkey_unknown"
