"""Accept each token of a native app and each security event once."""

import math
import time
from collections.abc import Iterable, Mapping

from django.core.cache import cache

from accounts.federation.errors import ProviderError

AFTERWARDS_SECONDS = 120
"""Seconds that a mark outlives its token: longer than the leeway for a token's `exp`."""


def spend(fingerprint: str, *, expires_at: float) -> None:
    """Mark this token as used until it expires. Raises `ProviderError` if it was used before.

    `expires_at` is in seconds since 1970. Raises `STORE_ERRORS` while Redis is down, which ends in
    a 503: without the list of used tokens, no token may be accepted. Rate limits fail open, this
    fails closed.
    """
    seconds = max(1, math.ceil(expires_at - time.time())) + AFTERWARDS_SECONDS
    if not cache.add(_key(fingerprint), 1, timeout=seconds):
        raise ProviderError("used before")


def spend_all(tokens: Mapping[str, float]) -> None:
    """Mark tokens that were sent together as used. `tokens` has when each expires, by fingerprint.

    Raises as `spend` does. Then a token that was not used before may be marked as used, too.
    """
    for fingerprint, expires_at in tokens.items():
        spend(fingerprint, expires_at=expires_at)


def require_unspent(tokens: Iterable[str]) -> None:
    """Raise `ProviderError` if one of these tokens was used before, and `STORE_ERRORS` as `spend` does.

    Call before acting on tokens that are marked as used later.
    """
    if any(is_spent(fingerprint) for fingerprint in tokens):
        raise ProviderError("used before")


def is_spent(fingerprint: str) -> bool:
    """Return True if this token was used before. Raises `STORE_ERRORS` while Redis is down."""
    return bool(cache.has_key(_key(fingerprint)))


def _key(fingerprint: str) -> str:
    return f"social:spent:{fingerprint}"
