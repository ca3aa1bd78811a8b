"""Check a second step: any factor's code, few wrong tries, also sent at once."""

import pytest
from django.core.exceptions import ValidationError

from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.errors import StoreUnavailableError, TooManyRequestsError
from accounts.factors import entry
from tests.kit.factories import UserFactory
from tests.kit.factors import app_code, enrol, row_of, wrong_code
from tests.kit.outage import without_redis
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
