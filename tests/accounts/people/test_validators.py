"""Check new passwords."""

import unicodedata

import pytest
from django.contrib.auth.password_validation import (
    CommonPasswordValidator,
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
        ("1234567890", "password_too_common"),
        ("hana.kim@example.com", "password_too_similar"),
        ("hanakim hanakim", "password_too_similar"),
        (full_width("password123"), "password_too_common"),
        (full_width("hanakim") + " hanakim", "password_too_similar"),
        (full_width("1234567890"), "password_too_common"),
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


@pytest.mark.parametrize(
    "password",
    [
        "Munjigi2026!",
        "munjigi-2026",
        "!!MUNJIGI!!!!",
        "mun-Munj1g1-2026",
        "\ub9c8\ubb38\uc9c0\uae302026!!",
        "testserver2026",
        "password2026!",
        "123password456",
        "iloveyou!!!!!!",
        "dragondragon",
        "qwertyuiop",
        "1234567890",
    ],
)
def test_words_of_the_site_and_common_words_are_refused(password):
    with pytest.raises(ValidationError) as refused:
        validate_password(password)

    codes = {error.code for error in refused.value.error_list}
    assert codes & {"password_context_word", "password_too_common"}


@pytest.mark.parametrize(
    "password",
    [
        "7302915846",
        "83150274961",
        "correct horse battery",
        "munjigi guards my front door",
        "x7-dKq!p2Lm",
    ],
)
def test_long_passwords_of_their_own_are_taken(password):
    validate_password(password)


def test_at_least_3000_common_passwords_of_a_sufficient_length_are_refused():
    common = CommonPasswordValidator().passwords
    words = sorted(word for word in common if word.isalpha() and 6 <= len(word) <= 9)[:500]
    tried = [*(word for word in common if len(word) >= 10)]
    tried += [word + end for word in words for end in ("2025", "2026!", "1234", "!!!!")]

    refused = [password for password in tried if len(password) >= 10 and _is_refused(password)]

    assert len(refused) >= 3000


def _is_refused(password):
    try:
        validate_password(password)
    except ValidationError:
        return True
    return False
