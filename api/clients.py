"""Authenticate services that introspect tokens (RFC 6749 §2.3.1). Secrets are stored as hashes."""

import base64
import hashlib
import hmac
import secrets
from urllib.parse import unquote_plus

from django.conf import settings


def authenticate(authorization: str) -> str | None:
    """Return the client id of valid HTTP Basic credentials, or None."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    # RFC 6749 §2.3.1 wants both form-encoded; many libraries send them as they are. Names and
    # secrets of ours hold nothing that decoding changes, so neither reading can become another.
    for client_id, client_secret in ((name, secret), (unquote_plus(name), unquote_plus(secret))):
        expected = settings.API_CLIENTS.get(client_id, "")
        if hmac.compare_digest(digest(client_secret), expected):
            return client_id
    return None


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret, in hex.

    A slow hash would add nothing to the 256 random bits of `fresh_secret`.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def fresh_secret() -> str:
    """Return a new secret of 256 random bits."""
    return secrets.token_urlsafe(32)
