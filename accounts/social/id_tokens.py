"""ID tokens of providers, verified as OpenID Connect Core §3.1.3.7 has it, and stricter.

One algorithm, a `kid`, a signature: always, although §3.1.3.7 lets a token that came over TLS from
the token endpoint go without. The only reader of other people's JWTs.
"""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Collection
from typing import Any

import jwt

from accounts.social import jwks
from accounts.social.exceptions import ProviderError

MAX_CHARACTERS = 8192
LEEWAY_SECONDS = 30
MAX_LIFETIME_SECONDS = 24 * 3600
MAX_SUB_CHARACTERS = 191  # of 255 in OIDC Core §2: what fits allauth's column
COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")  # RFC 7515 §7.1
PRINTABLE = re.compile(r"[!-~]+")


def verify(
    token: str, *, issuers: Collection[str], audiences: Collection[str], jwks_uri: str, nonce: str
) -> dict[str, Any]:
    """The claims. Raises `ProviderError` with the reason, which is for the log.

    `audiences` are all client ids of ours that may stand in `aud` and `azp`. `nonce` is the one that
    was sent with the request; empty when none was, and then the token may have none either.
    """
    if len(token) > MAX_CHARACTERS or not COMPACT.fullmatch(token):
        raise ProviderError("no compact JWS")
    key = jwks.key(jwks_uri, _kid(token))
    try:
        payload = jwt.PyJWS().decode(token, key, algorithms=[jwks.ALGORITHM])
        claims = json.loads(payload)
    except jwt.InvalidSignatureError as exc:
        raise ProviderError("bad signature") from exc
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as exc:
        raise ProviderError("malformed token") from exc
    if not isinstance(claims, dict):
        raise ProviderError("the claims aren't an object")
    if claims.get("iss") not in list(issuers):
        raise ProviderError("another issuer")
    _check_audience(claims, audiences)
    _check_times(claims)
    _check_nonce(claims.get("nonce", ""), nonce)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUB_CHARACTERS:
        raise ProviderError("no subject")
    if not PRINTABLE.fullmatch(subject):
        raise ProviderError("no subject")
    return claims


def fingerprint(token: str) -> str:
    """What a token is remembered by: of the signed part only.

    The last character of a signature has bits that most decoders don't read, so one signature can
    be spelt in several ways. PyJWT 2.15 refuses all but one; nothing here relies on that.
    """
    return hashlib.sha256(token.rpartition(".")[0].encode()).hexdigest()


def _kid(token: str) -> str:
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as exc:
        raise ProviderError("malformed header") from exc
    if header.get("alg") != jwks.ALGORITHM:
        raise ProviderError("another algorithm")
    if "crit" in header or str(header.get("typ", "JWT")).upper() != "JWT":
        raise ProviderError("another kind of token")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise ProviderError("no kid")
    return kid


def _check_audience(claims: dict[str, Any], audiences: Collection[str]) -> None:
    """Nobody but us: an audience we don't know is refused beside ours (§3.1.3.7, 3)."""
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
    expires, issued = _seconds(claims.get("exp")), _seconds(claims.get("iat"))
    not_before = _seconds(claims.get("nbf", 0))
    if now >= expires + LEEWAY_SECONDS:
        raise ProviderError("expired")
    if issued > now + LEEWAY_SECONDS or not_before > now + LEEWAY_SECONDS:
        raise ProviderError("not valid yet")
    if expires > now + MAX_LIFETIME_SECONDS:
        raise ProviderError("valid for too long to be remembered")


def _seconds(value: Any) -> int:
    """Whole seconds, required: without `exp` or `iat` nothing bounds a token."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ProviderError("a time is missing or no number")
    return value


def _check_nonce(claimed: Any, sent: str) -> None:
    if not isinstance(claimed, str) or not hmac.compare_digest(_bytes(claimed), _bytes(sent)):
        raise ProviderError("another nonce")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
