"""Authenticate services by HTTP Basic (RFC 6749 §2.3.1). Secrets are stored as hashes.

A service is an entry of `API_CLIENTS`, which may introspect, or an API key (`accounts.services`).
"""

import base64
import hashlib
import hmac
import secrets
from urllib.parse import unquote_plus

from django.conf import settings

from accounts.services import keys
from accounts.services.models import INTROSPECT, ApiKey


def authenticate(authorization: str) -> str | None:
    """Return the client id of credentials that may introspect, or None."""
    for client_id, client_secret in _readings(authorization):
        expected = settings.API_CLIENTS.get(client_id, "")
        if hmac.compare_digest(digest(client_secret), expected):
            return client_id
    key = key_of(authorization)
    return str(key.pk) if key is not None and INTROSPECT in key.words else None


def key_of(authorization: str) -> ApiKey | None:
    """Return the active API key of these credentials, or None."""
    found = (keys.check(name, secret) for name, secret in _readings(authorization))
    return next((key for key in found if key is not None), None)


def _readings(authorization: str) -> list[tuple[str, str]]:
    """Return what the header may mean: pairs of client id and secret.

    RFC 6749 §2.3.1 wants both form-encoded; many libraries send them as they are. Names and secrets of
    ours hold nothing that decoding changes, so neither reading can become another.
    """
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return []
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return []
    return list(dict.fromkeys([(name, secret), (unquote_plus(name), unquote_plus(secret))]))


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret, in hex.

    A slow hash would add nothing to the 256 random bits of `fresh_secret`.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def fresh_secret() -> str:
    """Return a new secret of 256 random bits."""
    return secrets.token_urlsafe(32)
