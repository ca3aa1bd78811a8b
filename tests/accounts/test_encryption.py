"""Encrypt stored secrets with keys that can be rotated."""

from base64 import urlsafe_b64decode

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

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


# Sealed values


def test_a_sealed_value_opens_under_its_name_only():
    sealed = encryption.seal(b"secret", name=b"a")

    assert b"secret" not in sealed
    assert len(sealed) == len(b"secret") + encryption.SEAL_BYTES
    assert encryption.unseal(sealed, name=b"a") == b"secret"
    with pytest.raises(DecryptionError):
        encryption.unseal(sealed, name=b"b")


def test_the_same_content_is_never_sealed_to_the_same_value():
    assert encryption.seal(b"a", name=b"a") != encryption.seal(b"a", name=b"a")


def test_the_first_key_seals_and_all_open(settings):
    old, new = new_key(), new_key()
    settings.DATA_ENCRYPTION_KEYS = [old]
    before = encryption.seal(b"a", name=b"n")
    settings.DATA_ENCRYPTION_KEYS = [new, old]
    after = encryption.seal(b"b", name=b"n")
    assert encryption.unseal(before, name=b"n") == b"a"

    settings.DATA_ENCRYPTION_KEYS = [new]

    assert encryption.unseal(after, name=b"n") == b"b"
    with pytest.raises(DecryptionError):
        encryption.unseal(before, name=b"n")


def test_a_sealing_key_is_not_the_secret_itself(settings):
    """Fernet encrypts and signs with halves of the secret: no half may be a sealing key."""
    sealed = encryption.seal(b"a", name=b"n")
    secret = urlsafe_b64decode(settings.DATA_ENCRYPTION_KEYS[0])

    for key in (secret, secret[:16], secret[16:]):
        with pytest.raises(InvalidTag):
            AESGCM(key).decrypt(sealed[:12], sealed[12:], b"n")


@pytest.mark.parametrize("length", range(30))
def test_a_truncated_sealed_value_is_a_domain_error(length):
    sealed = encryption.seal(b"secret", name=b"n")

    with pytest.raises(DecryptionError):
        encryption.unseal(sealed[:length], name=b"n")
