"""Encrypt stored secrets with keys that can be rotated."""

import pytest
from cryptography.fernet import Fernet

from accounts import encryption
from accounts.errors import DecryptionError


def new_key():
    return Fernet.generate_key().decode()


def test_encrypted_text_decrypts_and_is_unreadable():
    token = encryption.encrypt("비밀 secret")

    assert "secret" not in token
    assert encryption.decrypt(token) == "비밀 secret"


def test_encrypting_twice_gives_different_tokens():
    assert encryption.encrypt("a") != encryption.encrypt("a")


def test_the_first_key_encrypts_and_older_keys_decrypt(settings):
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
def test_an_undecryptable_token_raises_a_domain_error(token):
    with pytest.raises(DecryptionError):
        encryption.decrypt(token)


def test_a_changed_token_does_not_decrypt():
    token = encryption.encrypt("a")

    with pytest.raises(DecryptionError):
        encryption.decrypt(token[:-3] + ("AAA" if token[-3:] != "AAA" else "BBB"))
