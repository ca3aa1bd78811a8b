"""Limit the requests to views that declare a `limit` (`accounts.routes`), through Redis.

These are introspections and reports of providers, which count refusals only, and the links in notices. Other
code limits the rest: allauth limits sign-ups and its mails, `accounts.signins` wrong passwords and refused
refreshes, `accounts.federation.limits` attempts by a provider.

A counted answer has `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11).
The answer over the limit (429) also has `Retry-After`.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from structlog import get_logger

from accounts import metrics, routes
from accounts.errors import TooManyRequestsError
from accounts.request import client_of
from accounts.store import counters
from accounts.store.counters import Limit, Usage
from accounts.store.outage import STORE_ERRORS

log = get_logger()

REFUSALS = range(400, 500)


class LimitReachedError(TooManyRequestsError):
    """The view's limit is used up. The answer must have `headers`."""

    def __init__(self, usage: Usage) -> None:
        super().__init__(usage.reset_seconds)
        self.headers = _headers(usage)


class ThrottleMiddleware:
    """Count the requests of each network to a view that declares a limit (`routes.limit_of`).

    If the view declares `counts_refusals`, count only its 4xx answers, after the view. Over the limit
    such an answer becomes a 429, while the view still answers all other requests.

    Raises `LimitReachedError`. A subclass must answer it; otherwise Django answers 500.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        limit = routes.limit_of(request)
        if limit is None:
            return self.get_response(request)
        if routes.stated(request, "counts_refusals"):
            # Count after the check: the secrets of these views have 256 bits, so a caller who sends
            # many guesses at the same time still finds none.
            response = self.get_response(request)
            if response.status_code not in REFUSALS:
                return response
            usage = _counted(limit, request)
        else:
            usage = _counted(limit, request)
            response = self.get_response(request)
        for name, value in _headers(usage).items():
            response.headers[name] = value
        return response


def _counted(limit: Limit, request: HttpRequest) -> Usage:
    usage = _count(limit, client_of(request).network)
    if usage.is_over:
        log.warning("rate_limited", limit=limit.scope)
        metrics.RATE_LIMITED.note(limit.scope)
        raise LimitReachedError(usage)
    return usage


def _headers(usage: Usage) -> dict[str, str]:
    limit = usage.limit
    return {
        "RateLimit-Policy": f'"{limit.scope}";q={limit.amount};w={limit.seconds}',
        "RateLimit": f'"{limit.scope}";r={usage.remaining};t={usage.reset_seconds}',
    }


def _count(limit: Limit, network: str) -> Usage:
    try:
        return counters.count(limit, network)
    except STORE_ERRORS:
        # Fail open: the limit only slows down guesses at secrets of 256 bits, and the view has refused
        # the request already. A view that counts all requests would fail during an outage otherwise.
        log.warning("rate_limits_off", reason="Redis doesn't answer")
        return Usage(limit, used=0, reset_seconds=limit.seconds_left())
