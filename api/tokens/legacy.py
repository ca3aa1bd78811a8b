"""Verify refresh tokens of the SimpleJWT site that this site replaces (`LEGACY_TOKEN_KEY`)."""

from dataclasses import dataclass
from datetime import UTC, datetime

import jwt
from django.conf import settings
from jwt.algorithms import get_default_algorithms
from jwt.exceptions import PyJWTError
from structlog import get_logger

from api.exceptions import InvalidToken
from api.tokens.signing import LEEWAY_SECONDS, header_of, is_compact

log = get_logger()

ALGORITHMS = {
    *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
}
MIN_SECRET_BYTES = 32
KIND = "refresh"
"""SimpleJWT's `token_type`. An access token there was shown to many services, so it opens nothing here."""


@dataclass(frozen=True)
class Legacy:
    """The claims of a validly signed refresh token of the old site."""

    user: str
    jti: str
    expires_at: datetime


def fault() -> str:
    """Return what is wrong with the key and the algorithm of the settings, or ''."""
    algorithm, key = settings.LEGACY_TOKEN_ALGORITHM, settings.LEGACY_TOKEN_KEY
    if algorithm not in ALGORITHMS:
        return f"{algorithm!r} is none of {', '.join(sorted(ALGORITHMS))}"
    if algorithm.startswith("HS") and len(key.encode()) < MIN_SECRET_BYTES:
        return f"the secret has fewer than {MIN_SECRET_BYTES} bytes, so it can be guessed"
    try:
        prepared = get_default_algorithms()[algorithm].prepare_key(key)
    except (PyJWTError, ValueError, TypeError) as exc:
        return f"the key doesn't fit the algorithm ({type(exc).__name__})"
    if hasattr(prepared, "private_bytes"):
        return "the key is private; give the public one"
    return ""


def verified(text: str) -> Legacy:
    """Return the claims of this token. Raises `InvalidToken` unless the old site signed it for a refresh.

    Only the algorithm of the settings counts, whatever the header says (RFC 8725 §3.1).
    """
    try:
        if not is_compact(text):
            raise InvalidToken
        if "crit" in header_of(text):
            raise InvalidToken
        claims = jwt.decode(  # noqa: TID251 - this is api.tokens.legacy
            text,
            settings.LEGACY_TOKEN_KEY,
            algorithms=[settings.LEGACY_TOKEN_ALGORITHM],
            issuer=settings.LEGACY_TOKEN_ISSUER or None,
            audience=settings.LEGACY_TOKEN_AUDIENCE or None,
            leeway=LEEWAY_SECONDS,
            options={
                "require": ["exp", "jti", settings.LEGACY_TOKEN_USER_CLAIM],
                "verify_aud": bool(settings.LEGACY_TOKEN_AUDIENCE),
            },
        )
        user, jti = claims[settings.LEGACY_TOKEN_USER_CLAIM], claims["jti"]
        if claims.get("token_type") != KIND or isinstance(user, bool):
            raise InvalidToken
        if not isinstance(user, str | int) or not isinstance(jti, str) or not jti:
            raise InvalidToken
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    except (PyJWTError, ValueError, TypeError, OverflowError, OSError, RecursionError) as exc:
        log.warning("legacy_token_refused", reason=type(exc).__name__)
        raise InvalidToken from exc
    return Legacy(user=str(user), jti=jti, expires_at=expires_at)
