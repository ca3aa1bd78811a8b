"""Find out when allauth's rate limits allow the next request, which allauth doesn't tell.

Importing this module replaces a function of allauth's limiter. The new one stores the seconds to wait in
the request.
"""

import math
import time
from functools import wraps
from typing import Any

from allauth.core.exceptions import RateLimited
from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.http import HttpRequest

from accounts import metrics
from accounts.request import sign_in_of

UNKNOWN = 60
"""Seconds to wait if the cache has lost the limiter's history."""


def noted(request: HttpRequest) -> int | None:
    """Return the seconds to wait, or None if no limit of allauth has refused this request."""
    return sign_in_of(request).wait_seconds


def _noting(consume: Any) -> Any:
    @wraps(consume)
    def run(request: HttpRequest, *, rate: ratelimit.Rate, **options: Any) -> Any:
        try:
            usage = consume(request, rate=rate, **options)
        except RateLimited:
            _note(request, rate, options)
            raise
        if usage is None:
            _note(request, rate, options)
        return usage

    return run


def _note(request: HttpRequest, rate: ratelimit.Rate, options: dict[str, Any]) -> None:
    names = ("app", "action", "key", "user")
    key = ratelimit.get_cache_key(
        request, rate=rate, **{name: options[name] for name in names if name in options}
    )
    history = cache.get(key) or []  # times, the newest first
    left = history[-1] + rate.duration - time.time() if history else UNKNOWN
    metrics.RATE_LIMITED.note(str(options["action"]))
    sign_in = sign_in_of(request)
    sign_in.wait_seconds = max(1, math.ceil(left), sign_in.wait_seconds or 0)


ratelimit._consume_single_rate = _noting(ratelimit._consume_single_rate)  # noqa: SLF001
