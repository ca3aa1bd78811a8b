"""Accept each token of a native app and each security event once."""

import math
import time

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


def is_spent(fingerprint: str) -> bool:
    """Return True if this token was used before. Raises `STORE_ERRORS` while Redis is down."""
    return bool(cache.has_key(_key(fingerprint)))


def _key(fingerprint: str) -> str:
    return f"social:spent:{fingerprint}"
