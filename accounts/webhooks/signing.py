"""Sign webhooks as Standard Webhooks does, so that any of its libraries can verify them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32
MIN_SECRET_BYTES = 24
"""The standard's least."""


def fresh_secret() -> str:
    """Return a new secret of 256 random bits, as its receiver writes it down."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Return True if this text has the form of a secret, with at least `MIN_SECRET_BYTES`."""
    try:
        raw = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except ValueError:
        return False
    return text.startswith(PREFIX) and len(raw) >= MIN_SECRET_BYTES


def headers(id: str, *, timestamp: int, body: bytes, keys: Sequence[str]) -> dict[str, str]:  # noqa: A002 - the standard's name
    """Return the three headers. There is one signature for each of the secrets `keys`.

    `timestamp` is the time of this attempt, in seconds since 1970: receivers refuse one of five minutes ago.
    """
    content = b".".join([id.encode(), str(timestamp).encode(), body])
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_sign(content, key)}" for key in keys),
    }


def _sign(content: bytes, key: str) -> str:
    raw = base64.b64decode(key.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(raw, content, hashlib.sha256)).decode()
