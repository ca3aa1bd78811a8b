"""Encrypt secrets at rest under keys that can be rotated (`DATA_ENCRYPTION_KEYS`)."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from accounts.errors import DecryptionError


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


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.DATA_ENCRYPTION_KEYS])
