"""The page about keys has each secret of `.env.example` and each algorithm of the code."""

import re

import pytest
from django.conf import settings

from accounts import encryption
from accounts.pages import codes
from accounts.people.hashers import Argon2idPasswordHasher
from api.keys import jwk
from tests.kit.documents import ROOT, part_of, rows_of, text_of

TEXT = text_of("keys.md")
SECRETS = " ".join(row[0] for row in rows_of(part_of(TEXT, "Secrets")))
ALGORITHMS = {row[0]: row for row in rows_of(part_of(TEXT, "Algorithms"))}
NOT_SECRET = {
    "GOOGLE_CLIENT_ID",
    "KAKAO_NATIVE_APP_KEY",  # stands in every copy of the app
    "PASSWORD_RESET_SECONDS",
    "LIMIT_CHANGE_PASSWORD",
    "LIMIT_PASSKEY",
    "LIMIT_PASSKEY_START",
    "PASSWORD_BREACH_API",
    "PASSWORD_BREACH_FILE",
    "SIGNING_KEY_LEAD_SECONDS",
    "SIGNING_KEY_LIFETIME_SECONDS",
}
WORDS = re.compile(r"SECRET|PASSWORD|KEY|API_CLIENTS|(DATABASE|REDIS|CACHE|EMAIL)_URL")


def test_each_secret_has_an_owner_a_use_and_an_end():
    names = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    secrets = {name for name in names if WORDS.search(name)} - NOT_SECRET

    assert secrets == set(re.findall(r"`([A-Z_]+)`", SECRETS))
    for row in rows_of(part_of(TEXT, "Secrets")):
        assert len(row) == 5
        assert all(row)
        assert re.match(r"(yes|no|that of)\b", row[2]), row[0]


def test_each_algorithm_of_tokens_is_listed():
    assert set(re.findall(r"`(\w+)`", ALGORITHMS["tokens"][1])) == set(jwk.GENERATE)
    assert "(P-256, default)" in ALGORITHMS["tokens"][1]
    assert settings.SIGNING_ALGORITHM == "ES256"


def test_the_numbers_are_those_of_the_code():
    hasher = Argon2idPasswordHasher
    mebibytes = hasher.memory_cost // 1024

    assert ALGORITHMS["passwords, recovery codes"][1] == (
        f"Argon2id, {mebibytes} MiB, {hasher.time_cost} rounds"
    )
    assert f"by itself every {settings.SIGNING_KEY_LIFETIME.days} days" in TEXT
    assert codes.LIFETIME_SECONDS == 600
    assert ALGORITHMS["mailed codes"][1] == "eight digits, five tries, ten minutes"


@pytest.mark.parametrize(
    ("purpose", "marks"),
    [
        ("columns of the database, link and code tokens", {"Fernet"}),
        ('sessions in Redis, links "it wasn\'t me"', {"AESGCM", "HKDF", "SHA256"}),
    ],
)
def test_the_ciphers_are_those_of_the_code(purpose, marks):
    assert purpose in ALGORITHMS
    assert marks <= set(vars(encryption))
