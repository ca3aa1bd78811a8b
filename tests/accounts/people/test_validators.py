"""Check new passwords."""

import unicodedata

import pytest
from django.contrib.auth.password_validation import (
    password_validators_help_texts,
    validate_password,
)
from django.core.exceptions import ValidationError

from accounts.people.models import User


def full_width(text):
    """Return ASCII as a Korean keyboard types it in full-width mode."""
    return "".join(chr(ord(each) + 0xFEE0) for each in text)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "p" * 64 + "x1",
        "비밀번호는길게만들어요",
        "🔑" * 10,
    ],
)
def test_a_good_password_passes(password):
    validate_password(password)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("a1b2c3d4e", "password_too_short"),
        ("", "password_too_short"),
        ("ab" * 65, "password_too_long"),
        ("password123", "password_too_common"),
        ("1234567890", "password_entirely_numeric"),
        ("hana.kim@example.com", "password_too_similar"),
        ("hanakim hanakim", "password_too_similar"),
        (full_width("password123"), "password_too_common"),
        (full_width("hanakim") + " hanakim", "password_too_similar"),
        (full_width("1234567890"), "password_entirely_numeric"),
        # Nine syllables, sent as 27 letters.
        (unicodedata.normalize("NFD", "강강강강강강강강강"), "password_too_short"),
        # 18 characters each after normalisation.
        ("\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * 8, "password_too_long"),
    ],
)
def test_a_bad_password_is_refused_with_a_reason(password, code):
    user = User(email="hana.kim@example.com", display_name="hanakim hanakim")

    with pytest.raises(ValidationError) as caught:
        validate_password(password, user)

    assert code in [error.code for error in caught.value.error_list]


@pytest.mark.parametrize(("length", "is_good"), [(9, False), (10, True), (128, True), (129, False)])
def test_the_bounds_are_exact(length, is_good):
    password = ("x7 qZ!" * 30)[:length]

    errors = []
    try:
        validate_password(password)
    except ValidationError as error:
        errors = error.error_list

    assert (not errors) is is_good


def test_length_is_counted_after_normalisation():
    validate_password(unicodedata.normalize("NFD", "강" * 128))


def test_a_huge_password_is_not_normalised(monkeypatch):
    monkeypatch.setattr("accounts.people.passwords.unicodedata", None)

    with pytest.raises(ValidationError) as caught:
        validate_password("한x" * 30_000, User(email="hana.kim@example.com"))

    assert [error.code for error in caught.value.error_list] == ["password_too_long"]


def test_the_rules_can_be_shown():
    assert any("10" in text for text in password_validators_help_texts())
