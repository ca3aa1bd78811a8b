"""The cache for rate limits, locks and marks against replay, with the session store's retry policy.

allauth counts attempts between `add` of a lock and its `delete`. If Redis fails over in between, or
the process dies, allauth's lock would stay for ten seconds. Until then, visitors with the right
password would read that they tried too often. So locks live for `LOCK_SECONDS`.
"""

from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django_redis.cache import RedisCache
from typing_extensions import override

from accounts.store import outage

LOCK_SECONDS = 0.5
"""Seconds that a lock lives: fewer than the next caller waits for it.

If a lock ends too early, one attempt is not counted.
"""


class SharedCache(RedisCache):
    """The cache `default` of `CACHES`.

    Raises `StoreUnavailableError` if Redis doesn't answer before the deadline (`outage`).
    """

    @override
    def add(
        self,
        key: str,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        if key.endswith(":lock"):  # the names that allauth's limiter uses
            timeout = LOCK_SECONDS
        return bool(
            outage.patiently(
                lambda: super(SharedCache, self).add(key, value, timeout=timeout, version=version),
                outage.cache,
            )
        )

    @override
    def get(self, *args: Any, **kwargs: Any) -> Any:
        return outage.patiently(
            lambda: super(SharedCache, self).get(*args, **kwargs),  # type: ignore[no-untyped-call]
            outage.cache,
        )

    @override
    def set(self, *args: Any, **kwargs: Any) -> Any:
        return outage.patiently(lambda: super(SharedCache, self).set(*args, **kwargs), outage.cache)

    @override
    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return bool(
            outage.patiently(lambda: super(SharedCache, self).delete(*args, **kwargs), outage.cache)
        )
