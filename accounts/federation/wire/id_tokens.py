"""Verify providers' ID tokens by OpenID Connect Core §3.1.3.7, and more strictly.

Always demands a signature, although §3.1.3.7 allows a token from the token endpoint without one.
"""

import hashlib
import hmac
import time
from collections.abc import Collection
from typing import Any

from accounts.federation.errors import ProviderError
from accounts.federation.wire import jws

LEEWAY_SECONDS = 30
MAX_LIFETIME_SECONDS = 24 * 3600
MAX_SUB_CHARACTERS = 191  # of 255 in OIDC Core §2: what fits allauth's column
TYPES = {"JWT"}


def verify(
    token: str, *, issuers: Collection[str], audiences: Collection[str], jwks_uri: str, nonce: str
) -> dict[str, Any]:
    """Return the claims of a valid ID token. Raises `ProviderError` with the reason, for the log.

    `audiences` are our client ids that may be in `aud` and `azp`. `nonce` is the value that was
    sent with the request; with '' the token must have no nonce. Raises `ProviderUnavailableError`
    if the provider's keys can't be read.
    """
    claims = jws.verified_claims(token, jwks_uri=jwks_uri, types=TYPES)
    if "events" in claims:
        raise ProviderError("a security event token")
    if claims.get("iss") not in list(issuers):
        raise ProviderError("another issuer")
    _check_audience(claims, audiences)
    _check_times(claims)
    _check_nonce(claims.get("nonce", ""), nonce)
    jws.name_in(claims, "sub", limit=MAX_SUB_CHARACTERS)
    return claims


def auth_time(claims: dict[str, Any]) -> int | None:
    """Return when the person signed in at the provider, or None if the token doesn't say."""
    return jws.seconds_in(claims, "auth_time") if "auth_time" in claims else None


def fingerprint(token: str) -> str:
    """Return a hash of the token's signed part, to remember the token by.

    The signature is left out: most decoders ignore some bits of its last character, so one
    signature can be written in several ways. PyJWT 2.15 accepts only one of them; we don't rely on
    that.
    """
    return hashlib.sha256(token.rpartition(".")[0].encode()).hexdigest()


def _check_audience(claims: dict[str, Any], audiences: Collection[str]) -> None:
    """Raise `ProviderError` if an audience or `azp` isn't ours (§3.1.3.7, 3)."""
    named = claims.get("aud")
    named = [named] if isinstance(named, str) else named
    if not isinstance(named, list) or not named or any(one not in audiences for one in named):
        raise ProviderError("another audience")
    authorized = claims.get("azp")
    if authorized is None and len(named) == 1:
        return
    if authorized not in list(audiences):
        raise ProviderError("another authorized party")


def _check_times(claims: dict[str, Any]) -> None:
    now = time.time()
    expires, issued = jws.seconds_in(claims, "exp"), jws.seconds_in(claims, "iat")
    not_before = jws.seconds_in({"nbf": 0} | claims, "nbf")
    if now >= expires + LEEWAY_SECONDS:
        raise ProviderError("expired")
    if issued > now + LEEWAY_SECONDS or not_before > now + LEEWAY_SECONDS:
        raise ProviderError("not valid yet")
    if expires > now + MAX_LIFETIME_SECONDS:
        raise ProviderError("valid for too long to be remembered")


def _check_nonce(claimed: Any, sent: str) -> None:
    if not isinstance(claimed, str) or not hmac.compare_digest(_bytes(claimed), _bytes(sent)):
        raise ProviderError("another nonce")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
