"""Secrets at rest, under keys that rotate."""

import pytest
from cryptography.fernet import Fernet

from accounts import encryption
from accounts.errors import DecryptionError


def new_key():
    return Fernet.generate_key().decode()


def test_what_is_encrypted_comes_back_and_cannot_be_read():
    token = encryption.encrypt("비밀 secret")

    assert "secret" not in token
    assert encryption.decrypt(token) == "비밀 secret"


def test_the_same_text_never_looks_the_same():
    assert encryption.encrypt("a") != encryption.encrypt("a")


def test_an_older_key_still_opens_and_the_first_one_writes(settings):
    old, new = new_key(), new_key()
    settings.DATA_ENCRYPTION_KEYS = [old]
    before = encryption.encrypt("a")
    settings.DATA_ENCRYPTION_KEYS = [new, old]
    after = encryption.encrypt("b")

    settings.DATA_ENCRYPTION_KEYS = [new]

    assert encryption.decrypt(after) == "b"
    with pytest.raises(DecryptionError):
        encryption.decrypt(before)


@pytest.mark.parametrize("token", ["", "x", "gAAAAA", "é"])
def test_what_no_key_opens_is_a_domain_error(token):
    with pytest.raises(DecryptionError):
        encryption.decrypt(token)


def test_a_changed_token_does_not_open():
    token = encryption.encrypt("a")

    with pytest.raises(DecryptionError):
        encryption.decrypt(token[:-3] + ("AAA" if token[-3:] != "AAA" else "BBB"))
