"""Accept each code of an authenticator app once, also within the tolerance and in a race."""

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection

from accounts import encryption
from accounts.factors.totp import codes
from tests.kit.factors import app_code, enrol_app, row_of, wrong_code
from tests.kit.racing import at_once

NOON = "2026-06-01T12:00:10Z"


@pytest.fixture
def secret(user):
    with time_machine.travel(NOON, tick=False):
        yield enrol_app(user)


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_of_a_neighbouring_step_is_right(user, secret, steps):
    assert codes.spend(row_of(user), app_code(secret, steps))


@pytest.mark.parametrize("steps", [-3, -2, 2, 3])
def test_a_code_of_another_time_is_wrong(user, secret, steps):
    assert not codes.spend(row_of(user), app_code(secret, steps))


def test_a_code_works_once_within_its_whole_tolerance(user, secret):
    code = app_code(secret)
    first = codes.spend(row_of(user), code)
    again = [codes.spend(row_of(user), code)]
    for seconds in (30, 45):
        with time_machine.travel(NOON) as clock:
            clock.shift(seconds)
            again.append(codes.spend(row_of(user), code))

    assert first
    assert again == [False, False, False]


def test_an_earlier_code_is_refused_after_a_later_one(user, secret):
    earlier, later = app_code(secret), app_code(secret, 1)

    assert codes.spend(row_of(user), later)
    assert not codes.spend(row_of(user), earlier)


def test_the_code_that_proved_the_app_is_used_up(user, secret):
    from accounts.factors.totp import enrolment  # noqa: PLC0415

    row_of(user).delete()
    code = app_code(secret)
    enrolment.add(user, secret, step=codes.step_of(secret, code))

    assert not codes.spend(row_of(user), code)
    assert codes.spend(row_of(user), app_code(secret, 1))


def test_a_removed_app_accepts_no_code(user, secret):
    row = row_of(user)
    row_of(user).delete()

    assert not codes.spend(row, app_code(secret))


def test_a_used_code_leaves_the_secret_and_a_time(user, secret):
    codes.spend(row_of(user), app_code(secret))

    row = row_of(user)
    assert encryption.decrypt(row.data["secret"]) == secret
    assert row.last_used_at is not None


def test_a_used_code_moves_the_secret_to_the_first_key(user, secret, settings):
    new = Fernet.generate_key().decode()
    settings.DATA_ENCRYPTION_KEYS = [new, *settings.DATA_ENCRYPTION_KEYS]
    codes.spend(row_of(user), app_code(secret))
    settings.DATA_ENCRYPTION_KEYS = [new]

    assert codes.spend(row_of(user), app_code(secret, 1))


def test_the_command_moves_all_secrets_to_the_first_key(user, secret, settings):
    new = Fernet.generate_key().decode()
    settings.DATA_ENCRYPTION_KEYS = [new, *settings.DATA_ENCRYPTION_KEYS]
    call_command("reencrypt")
    settings.DATA_ENCRYPTION_KEYS = [new]

    assert codes.spend(row_of(user), app_code(secret))


def test_the_command_undoes_no_code_used_meanwhile(user, secret, settings, monkeypatch):
    code = app_code(secret)
    settings.DATA_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.DATA_ENCRYPTION_KEYS]
    decrypt, stored = encryption.decrypt, row_of(user).data["secret"]

    def use_meanwhile(text):
        if text == stored:  # the command has read the row, and hasn't written it yet
            monkeypatch.setattr(encryption, "decrypt", decrypt)
            assert codes.spend(row_of(user), code)
        return decrypt(text)

    monkeypatch.setattr(encryption, "decrypt", use_meanwhile)
    call_command("reencrypt")

    assert not codes.spend(row_of(user), code)


@pytest.mark.parametrize(
    ("typed", "is_one"),
    [
        ("123456", True),
        (" 123 456 ", True),
        ("123-456", True),
        ("１２３４５６", True),  # noqa: RUF001 - a Korean keyboard's full-width digits
        ("12345", False),
        ("1234567", False),
        ("12345a", False),
        ("", False),
        ("a1b2c3d4e5f6", False),
    ],
)
def test_the_shape_of_a_code(typed, is_one):
    assert codes.is_shaped(typed) is is_one


def test_a_code_may_have_spaces(user, secret):
    code = app_code(secret)

    assert codes.spend(row_of(user), f" {code[:3]} {code[3:]} ")


def test_a_wrong_code_changes_nothing(user, secret):
    before = row_of(user).data

    assert not codes.spend(row_of(user), wrong_code(secret))
    assert row_of(user).data == before


@pytest.mark.django_db(transaction=True)
def test_one_of_many_equal_codes_at_once_wins(user):
    secret = enrol_app(user)
    code, row = app_code(secret), row_of(user)

    results = at_once(8, lambda _: codes.spend(row, code))

    assert sorted(results) == [False] * 7 + [True], connection.vendor
