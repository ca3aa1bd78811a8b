"""Rate limits of views, shared by all processes through Redis.

allauth limits sign-in, sign-up and its mails. This limits the views that state a `limit`
(`accounts.routes`): refreshes, and views that call a provider or that a provider calls. The answer
has `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11), a refusal
`Retry-After` as well.
"""

import logging
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from django.http import HttpRequest, HttpResponseBase

from accounts import routes
from accounts.errors import TooManyRequestsError
from accounts.request import client_of
from accounts.store import counters
from accounts.store.counters import Limit, Usage
from accounts.store.outage import STORE_ERRORS

log = logging.getLogger(__name__)


class LimitReachedError(TooManyRequestsError):
    """The view's limit is used up. `headers` belong on the answer."""

    def __init__(self, usage: Usage) -> None:
        super().__init__(usage.reset_seconds)
        self.headers = _headers(usage)


class ThrottleMiddleware:
    """Count requests that change or cost something; a GET of a page is free.

    Raises `LimitReachedError`. A subclass must answer it: Django would make a 500 of it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        limit = routes.limit_of(request)
        if limit is None:
            return self.get_response(request)
        usage = _count(limit, _network(client_of(request).ip))
        if usage.is_over:
            log.warning("rate limit %s is used up", limit.scope)
            raise LimitReachedError(usage)
        response = self.get_response(request)
        for name, value in _headers(usage).items():
            response.headers[name] = value
        return response


def _headers(usage: Usage) -> dict[str, str]:
    limit = usage.limit
    return {
        "RateLimit-Policy": f'"{limit.scope}";q={limit.amount};w={limit.seconds}',
        "RateLimit": f'"{limit.scope}";r={usage.remaining};t={usage.reset_seconds}',
    }


def _network(ip: str | None) -> str:
    """Return whom to count: an IPv4 address, or the /64 that one IPv6 customer has to itself."""
    if ip is None:
        return "unknown"
    address = ip_address(ip)
    return ip if address.version == 4 else str(ip_network(f"{ip}/64", strict=False))  # noqa: PLR2004


def _count(limit: Limit, network: str) -> Usage:
    try:
        return counters.count(limit, network)
    except STORE_ERRORS:
        # Fail open: this only slows down the guessing of secrets that have 256 bits. Failing
        # closed, an outage of Redis would sign out every API client within the hour.
        log.warning("rate limits are off: Redis doesn't answer")
        return Usage(limit, used=0, reset_seconds=limit.seconds_left())
