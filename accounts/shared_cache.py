"""The cache of rate limits, locks and marks against replay, patient as the session store is.

allauth counts attempts between `add` of a lock and its `delete`. Where Redis failed over in between,
the lock stayed, and visitors with the right password were told that they had tried too often.
"""

import time
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django_redis.cache import RedisCache

from accounts import store_outage
from accounts.exceptions import StoreUnavailableError

JUST_BEFORE_SECONDS = 2.0


class SharedCache(RedisCache):
    """`default` of `CACHES`. Raises `StoreUnavailableError` when Redis is away for too long."""

    def add(
        self,
        key: str,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        added = store_outage.patiently(
            lambda: super(SharedCache, self).add(key, value, timeout=timeout, version=version),
            store_outage.cache,
        )
        if added:
            return True
        if isinstance(timeout, int | float) and self._may_be_left_behind(key, timeout, version):
            # By a request that the outage ended, or by the first try of this one: who can tell?
            raise StoreUnavailableError(f"{key} was set while Redis failed over")
        return False

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return store_outage.patiently(
            lambda: super(SharedCache, self).get(*args, **kwargs),  # type: ignore[no-untyped-call]
            store_outage.cache,
        )

    def set(self, *args: Any, **kwargs: Any) -> Any:
        return store_outage.patiently(
            lambda: super(SharedCache, self).set(*args, **kwargs), store_outage.cache
        )

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return bool(
            store_outage.patiently(
                lambda: super(SharedCache, self).delete(*args, **kwargs), store_outage.cache
            )
        )

    def _may_be_left_behind(self, key: str, timeout: float, version: int | None) -> bool:
        outage = store_outage.cache.last_outage
        left_ms = self.pttl(key, version=version) if outage else None
        if outage is None or not left_ms:
            return False
        set_at = time.monotonic() - (timeout - left_ms / 1000)
        return bool(outage[0] - JUST_BEFORE_SECONDS <= set_at <= outage[1])
