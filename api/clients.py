"""Services that may ask about tokens: RFC 6749 §2.3.1 client credentials, secrets hashed."""

import base64
import hashlib
import hmac
import secrets

from django.conf import settings


def authenticate(authorization: str) -> str | None:
    """The client id behind HTTP Basic credentials, or None."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    expected = settings.API_CLIENTS.get(name, "")
    return name if hmac.compare_digest(digest(secret), expected) else None


def digest(secret: str) -> str:
    """SHA-256: these secrets are drawn by `fresh_secret`, so a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


def fresh_secret() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)
