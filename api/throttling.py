"""Rate limits by path, shared by all processes through Redis.

allauth limits sign-in, sign-up and its mails; this limits what it leaves open: refreshes and the
doors that make us call a provider, or by which one calls us. The answer carries `RateLimit-Policy` and `RateLimit`
(draft-ietf-httpapi-ratelimit-headers-11), a refusal `Retry-After` as well.
"""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import cast

from django.http import HttpRequest, HttpResponseBase
from django_redis import get_redis_connection

from accounts.errors import TooManyRequestsError
from accounts.request import client_of
from accounts.store import outage
from accounts.store.outage import STORE_ERRORS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limit:
    """So many requests of one client address in one window."""

    scope: str
    paths: re.Pattern[str]
    amount: int
    seconds: int = 60


LIMITS = [
    Limit("introspect", re.compile(r"/api/token/introspect/"), 600),
    Limit("report", re.compile(r"/accounts/(google/security-events|kakao/unlinked)/"), 600),
    Limit("refresh", re.compile(r"/api/token/refresh/|/_allauth/app/v1/tokens/refresh"), 120),
    Limit(
        "social",
        re.compile(
            r"/_allauth/\w+/v1/auth/provider/(token|redirect)|/accounts/\w+/login/(callback/)?"
            r"|/api/token/social/"
        ),
        30,
    ),
]
BY_GET = ("/login/callback/", "/kakao/unlinked/")
"""These change something by GET, too."""


class LimitReachedError(TooManyRequestsError):
    """The limit of this path is used up. `headers` belong on the answer."""

    def __init__(self, *, retry_seconds: int, headers: dict[str, str]) -> None:
        super().__init__(retry_seconds)
        self.headers = headers


class ThrottleMiddleware:
    """Count requests that change or cost something; a GET of a page is free.

    Raises `LimitReachedError`. A subclass must answer it: Django would make a 500 of it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        limit = next((each for each in LIMITS if each.paths.fullmatch(request.path_info)), None)
        if limit is None or (request.method != "POST" and not request.path_info.endswith(BY_GET)):
            return self.get_response(request)
        used, reset = _count(limit, _network(client_of(request).ip))
        headers = {
            "RateLimit-Policy": f'"{limit.scope}";q={limit.amount};w={limit.seconds}',
            "RateLimit": f'"{limit.scope}";r={max(0, limit.amount - used)};t={reset}',
        }
        if used > limit.amount:
            raise LimitReachedError(retry_seconds=reset, headers=headers)
        response = self.get_response(request)
        for name, value in headers.items():
            response.headers[name] = value
        return response


def _network(ip: str | None) -> str:
    """Whom to count: an IPv4 address, or the /64 that one IPv6 customer has to itself."""
    if ip is None:
        return "unknown"
    address = ip_address(ip)
    return ip if address.version == 4 else str(ip_network(f"{ip}/64", strict=False))  # noqa: PLR2004


def _count(limit: Limit, client: str) -> tuple[int, int]:
    """Requests in this window, this one included, and the seconds until the next window."""
    now = int(time.time())
    window = now // limit.seconds
    reset = (window + 1) * limit.seconds - now
    key = f"throttle:{limit.scope}:{client}:{window}"

    def ask() -> list[int]:
        pipe = get_redis_connection("default").pipeline(transaction=False)
        pipe.incr(key)
        pipe.expire(key, limit.seconds)
        return cast("list[int]", pipe.execute())

    try:
        used, _ = outage.at_once(ask, outage.cache)
    except STORE_ERRORS:
        # Open: this only slows guessing down, and what is guessed at has 256 bits. Shut, an outage
        # of Redis would sign out every API client within the hour.
        log.warning("rate limits are off: Redis doesn't answer")
        return 0, reset
    return used, reset
