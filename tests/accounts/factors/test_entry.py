"""Check a second step: any factor's code, few wrong tries, also sent at once."""

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError

from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.errors import StoreUnavailableError, TooManyRequestsError
from accounts.factors import entry
from accounts.factors.passkeys import answers, options
from accounts.factors.passkeys.answers import SignedAnswer
from accounts.factors.passkeys.challenges import Purpose
from accounts.factors.passkeys.errors import PasskeyError
from tests.kit.factories import UserFactory
from tests.kit.factors import app_code, enrol, enrol_passkey, row_of, wrong_code
from tests.kit.outage import without_redis
from tests.kit.passkeys import SoftAuthenticator
from tests.kit.racing import at_once

CLIENT = ClientInfo(ip="192.0.2.1")


@pytest.fixture
def factors(user):
    return enrol(user)


def check(user, typed, **options):
    """Return the kind of factor whose code this is, or the refusal's text."""
    try:
        return entry.check(user, typed, client=CLIENT, **options).type
    except ValidationError as error:
        return error.message


def test_a_code_of_each_factor_is_right(user, factors):
    secret, plain = factors

    assert check(user, app_code(secret)) == "totp"
    assert check(user, plain[0]) == "recovery_codes"


def test_each_wrong_code_says_how_many_tries_are_left(user, factors):
    texts = [check(user, wrong_code(factors[0])) for _ in range(5)]

    assert [text.partition(". ")[2] for text in texts] == [
        "You have 4 tries left.",
        "You have 3 tries left.",
        "You have 2 tries left.",
        "You have 1 try left.",
        "No tries are left for now.",
    ]


def test_after_five_wrong_codes_a_right_one_has_to_wait(user, factors):
    for _ in range(5):
        check(user, "000000" if app_code(factors[0]) != "000000" else "000001")

    with pytest.raises(TooManyRequestsError) as refused:
        entry.check(user, app_code(factors[0]), client=CLIENT)
    assert 0 < refused.value.retry_seconds <= 300
    assert row_of(user).data["step"] == 0


def test_recovery_codes_share_the_tries(user, factors):
    for _ in range(5):
        check(user, "aaaaa-aaaaa")

    with pytest.raises(TooManyRequestsError):
        entry.check(user, factors[1][0], client=CLIENT)


def test_right_codes_cost_no_try(user, factors):
    for code in factors[1]:
        assert check(user, code) == "recovery_codes"


def test_a_known_device_has_its_own_tries(user, factors):
    for _ in range(5):
        check(user, "aaaaa-aaaaa")

    assert check(user, app_code(factors[0]), device="0" * 32) == "totp"


def test_a_code_of_another_user_is_wrong(user, factors):
    secret, plain = enrol(UserFactory())

    assert check(user, app_code(secret)).startswith("That isn't the code")
    assert check(user, plain[0]).startswith("That isn't the code")


def test_a_wrong_code_is_in_the_audit_log(user, factors):
    check(user, "aaaaa-aaaaa")

    event = AuditEvent.objects.get()
    assert (event.type, event.reason, event.user) == ("login.failed", "wrong_second_step", user)
    assert event.ip == "192.0.2.1"


def test_a_deleted_user_has_no_right_code(db):
    assert check(None, "123456") == "That isn't the code."


def test_without_redis_no_code_is_checked(user, factors, settings):
    with without_redis(settings), pytest.raises(StoreUnavailableError):
        entry.check(user, app_code(factors[0]), client=CLIENT)
    assert row_of(user).data["step"] == 0


@pytest.mark.django_db(transaction=True)
def test_guesses_sent_at_once_get_five_tries(user):
    secret, _ = enrol(user)
    wrong = wrong_code(secret)

    results = at_once(12, lambda _: check(user, wrong))

    refused = [each for each in results if isinstance(each, TooManyRequestsError)]
    assert len(refused) == 7


# Passkeys


def signed(device, user, purpose=Purpose.SECOND_STEP, **lies):
    return SignedAnswer(device.get(options.request(purpose, user), **lies), purpose)


def test_a_passkey_is_a_second_step_and_costs_no_try(user, factors):
    phone = enrol_passkey(user)

    assert [check(user, signed(phone, user)) for _ in range(7)] == ["webauthn"] * 7


def test_wrong_answers_of_passkeys_use_up_the_tries(user, factors):
    phone = enrol_passkey(user)
    texts = {check(user, signed(phone, user, signature=b"x")) for _ in range(5)}

    assert texts == {"That passkey was not accepted. Please try again."}
    with pytest.raises(TooManyRequestsError):
        check(user, app_code(factors[0]))
    reasons = AuditEvent.objects.values_list("reason", flat=True)
    assert list(reasons) == ["wrong_second_step"] * 5


def test_a_passkey_of_another_account_is_refused(user, factors):
    phone = enrol_passkey(UserFactory())
    enrol_passkey(user)
    request = options.request(Purpose.SECOND_STEP, user) | {"allowCredentials": []}
    answer = SignedAnswer(phone.get(request), Purpose.SECOND_STEP)

    assert "doesn't know that passkey" in check(user, answer)


def test_a_copied_passkey_is_recorded_and_mailed(user, deliver):
    key = enrol_passkey(user, SoftAuthenticator(is_synced=False))

    assert "a copy of it may exist" in check(user, signed(key, user, count=1))
    assert AuditEvent.objects.get().reason == "cloned_passkey"
    assert "a copy of it may exist" in deliver()[-1].body


def test_a_passkey_signs_in_and_its_refusals_are_recorded(user):
    phone = enrol_passkey(user)
    right = signed(phone, None, Purpose.SIGN_IN).credential
    lies = [
        signed(phone, None, Purpose.SIGN_IN, signature=b"x").credential,
        signed(phone, None, Purpose.SIGN_IN, credential_id=b"x").credential,
        right,
    ]

    assert entry.check_sign_in(right, client=CLIENT).user == user
    for lie in lies:
        with pytest.raises(PasskeyError):
            entry.check_sign_in(lie, client=CLIENT)
    events = AuditEvent.objects.order_by("pk").values_list("user", "reason")
    assert list(events) == [
        (user.pk, "wrong_passkey"),
        (None, "wrong_passkey"),
        (None, "wrong_passkey"),
    ]


def test_a_disabled_account_does_not_sign_in_by_passkey(user):
    phone = enrol_passkey(user)
    user.is_active = False
    user.save()

    with pytest.raises(PasskeyError) as refused:
        entry.check_sign_in(signed(phone, None, Purpose.SIGN_IN).credential, client=CLIENT)

    assert refused.value.code == "passkey_refused"
    assert AuditEvent.objects.get().reason == "user_inactive"


def test_without_redis_a_passkey_proves_nothing(user, settings):
    phone = enrol_passkey(user)
    answer = signed(phone, user)

    with without_redis(settings), pytest.raises(StoreUnavailableError):
        answers.check(answer.credential, Purpose.SECOND_STEP, user)


# Errors of ours


def test_an_error_of_the_database_costs_no_try(user, factors, monkeypatch):
    secret, _ = factors

    def fail(*args):
        raise DatabaseError

    with monkeypatch.context() as broken:
        broken.setattr(entry, "_spent", fail)
        for _ in range(6):
            with pytest.raises(DatabaseError):
                check(user, app_code(secret))

    assert check(user, app_code(secret)) == "totp"
    assert not AuditEvent.objects.filter(type="login.failed").exists()


def test_an_error_of_the_database_counts_no_refusal_of_a_passkey(user, monkeypatch):
    phone = enrol_passkey(user)
    given_back = []
    monkeypatch.setattr(entry.refusals, "give_back", given_back.append)

    def fail(*args):
        raise DatabaseError

    with monkeypatch.context() as broken, pytest.raises(DatabaseError):
        broken.setattr(answers, "check", fail)
        entry.check_sign_in(signed(phone, None, Purpose.SIGN_IN).credential, client=CLIENT)

    assert len(given_back) == 1
    assert not AuditEvent.objects.exists()
