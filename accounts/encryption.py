"""Encrypt stored secrets with the keys of `DATA_ENCRYPTION_KEYS`, which an operator can rotate.

`encrypt` is for columns of the database: its result is text. `seal` is for values that anybody with
access to their store could copy, change or swap: it also binds the value to its name.
"""

import os
from base64 import urlsafe_b64decode
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from accounts.errors import DecryptionError

NONCE_BYTES = 12
SEAL_BYTES = NONCE_BYTES + 16
"""The bytes by which a sealed value is longer than its content."""


def encrypt(text: str) -> str:
    """Return the text, encrypted under the first key."""
    return _fernet().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Return the text, decrypted with the first key that fits.

    Raises `DecryptionError` if none does.
    """
    try:
        return _fernet().decrypt(token.encode()).decode()
    except InvalidToken as exc:
        raise DecryptionError(
            "No key in DATA_ENCRYPTION_KEYS opens this secret. Put the key that wrote it back."
        ) from exc


def seal(content: bytes, *, name: bytes) -> bytes:
    """Encrypt under the first key (AES-256-GCM). Only `unseal` with the same name opens it."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _ciphers(tuple(settings.DATA_ENCRYPTION_KEYS))[0].encrypt(nonce, content, name)


def unseal(sealed: bytes, *, name: bytes) -> bytes:
    """Return the content of a value that was sealed under this name, by any of the keys.

    Raises `DecryptionError` if the value was changed, cut, copied from another name, or sealed by
    an unknown key. The error does not say which of these happened.
    """
    nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    if len(sealed) >= SEAL_BYTES:
        for cipher in _ciphers(tuple(settings.DATA_ENCRYPTION_KEYS)):
            try:
                return cipher.decrypt(nonce, text, name)
            except InvalidTag:
                continue
    raise DecryptionError("changed, copied from another name, or sealed by an unknown key")


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.DATA_ENCRYPTION_KEYS])


@lru_cache(maxsize=8)
def _ciphers(keys: tuple[str, ...]) -> list[AESGCM]:
    """Derive the sealing keys: Fernet uses the same secrets in another way (RFC 5869)."""
    return [
        AESGCM(HKDF(SHA256(), 32, None, b"munjigi: sealed values").derive(urlsafe_b64decode(key)))
        for key in keys
    ]
