"""Check new passwords."""

import gzip
import unicodedata

import pytest
from django.contrib.auth.password_validation import (
    password_validators_help_texts,
    validate_password,
)
from django.core.exceptions import ValidationError

from accounts.people import common
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


@pytest.mark.slow
def test_at_least_3000_common_passwords_of_a_sufficient_length_are_refused():
    words = gzip.decompress(common.LIST.read_bytes()).decode().split("\n")

    assert len(words) == 10_000
    assert [word for word in words if len(word) < 10 or not _is_refused(word)] == []
    assert _is_refused(words[5000].title() + "!1")


@pytest.mark.parametrize(
    "password",
    [
        "dkssudgktpdy",  # 안녕하세요, typed in the English mode
        "qlalfqjsgh",  # 비밀번호
        "Qlalfqjsgh1!",
        "비밀번호비밀번호12",
        "사랑해사랑해사랑해사랑해",
        "eogksalsrnr2026",  # 대한민국
        "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ",  # qwertyuiop in the Korean mode
        "1q2w3e4r5t!!",
        "1q2w3e4r1q2w3e4r",
        "1qaz2wsx3edc",
        "p@ssw0rd2026!",
        "qwer1234qwer1234",
        "ｑｌａｌｆｑｊｓｇｈ",  # noqa: RUF001 - in full-width letters
    ],
)
def test_words_and_walks_of_korean_keyboards_are_refused(password):
    assert "password_too_common" in _codes(password)


@pytest.mark.parametrize(
    ("email", "name", "password"),
    [
        ("hong@example.org", "", "hong-1234567"),
        ("hong@example.org", "", "HONG12345678"),
        ("hong@example.org", "", "1234567h0ng!"),
        ("h.gildong@example.org", "", "gildong20261128"),
        ("a@gildongcorp.co.kr", "", "GildongCorp2026"),
        ("a@example.org", "홍길동", "홍길동12345678"),
        ("a@example.org", "홍길동", "ghdrlfehd1234"),
        ("a@example.org", "Gildong Hong", "honggildong!1234"),
        ("hong@example.org", "", "hong-munjigi-1234"),
        ("a@example.org", "", "answlrl-2026!"),  # 문지기
    ],
)
def test_words_of_the_user_are_refused(email, name, password):
    assert "password_context_word" in _codes(password, User(email=email, display_name=name))


@pytest.mark.parametrize(
    "password", ["hongkong harbour lights", "길동무 셋이 산을 넘는다", "x7-dKq!p2Lm", "29583017462"]
)
def test_a_word_of_the_user_in_a_long_password_is_taken(password):
    assert _codes(password, User(email="hong@example.org", display_name="홍길동")) == []


def _codes(password, user=None):
    try:
        validate_password(password, user)
    except ValidationError as refused:
        return [error.code for error in refused.error_list]
    return []


def _is_refused(password):
    return "password_too_common" in _codes(password)
