"""Verify a provider's signature: a compact JWS with one algorithm and one of the provider's keys.

No other module reads JWTs of providers. `id_tokens` and `security_events` check the claims; neither
accepts the other's tokens.
"""

import json
import re
from collections.abc import Collection
from typing import Any

import jwt

from accounts.federation.errors import (
    BadSignatureError,
    MalformedTokenError,
    ProviderError,
    UnknownKeyError,
)
from accounts.federation.wire import jwks

MAX_CHARACTERS = 8192
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")  # RFC 7515 §7.1
PRINTABLE = re.compile(r"[!-~]+")


def verified_claims(token: str, *, jwks_uri: str, types: Collection[str]) -> dict[str, Any]:
    """Return the claims of a token with a valid signature.

    `types` are the allowed values of `typ`, in upper case; a token without `typ` counts as `JWT`.
    Raises `MalformedTokenError`, `UnknownKeyError` or `BadSignatureError` with the reason, for the
    log; and `ProviderUnavailableError` if the keys can't be read.
    """
    if len(token) > MAX_CHARACTERS or not COMPACT.fullmatch(token):
        raise MalformedTokenError("no compact JWS")
    key = jwks.key(jwks_uri, _kid(token, types))
    try:
        payload = jwt.PyJWS().decode(token, key, algorithms=[jwks.ALGORITHM])
        claims = json.loads(payload)
    except jwt.InvalidSignatureError as exc:
        raise BadSignatureError("bad signature") from exc
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as exc:
        raise MalformedTokenError("malformed token") from exc
    if not isinstance(claims, dict):
        raise MalformedTokenError("the claims aren't an object")
    return claims


def name_in(claims: dict[str, Any], claim: str, *, limit: int) -> str:
    """Return this claim: printable ASCII, at most `limit` characters.

    Raises `ProviderError` otherwise.
    """
    name = claims.get(claim)
    if not isinstance(name, str) or len(name) > limit or not PRINTABLE.fullmatch(name):
        raise ProviderError("no subject" if claim == "sub" else f"no {claim}")
    return name


def seconds_in(claims: dict[str, Any], claim: str) -> int:
    """Return this claim, a whole number of seconds since 1970. Raises `ProviderError` otherwise.

    It is required: without `exp` or `iat` a token would be valid for ever.
    """
    value = claims.get(claim)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ProviderError("a time is missing or no number")
    return value


def _kid(token: str, types: Collection[str]) -> str:
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as exc:
        raise MalformedTokenError("malformed header") from exc
    if header.get("alg") != jwks.ALGORITHM:
        raise UnknownKeyError("another algorithm")
    if "crit" in header or str(header.get("typ", "JWT")).upper() not in types:
        raise MalformedTokenError("another kind of token")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise UnknownKeyError("no kid")
    return kid
