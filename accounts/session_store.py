"""Browser sessions in Redis, through django-redis.

Django's `cache` engine with three differences:

- A session rests under the HMAC of its id: reading Redis gives no usable cookie.
- An error is never read as "no session": the stock engine would sign the visitor out.
- `drop(sid)` ends a session that somebody else's request holds, knowing only its `sid`.
"""

import hmac
import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.backends import cache
from django.contrib.sessions.backends.base import UpdateError
from django.core.cache import BaseCache, caches
from django_redis.exceptions import ConnectionInterrupted
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

STORE_ERRORS = (ConnectionInterrupted, RedisError)
"""What a store that can't answer raises."""

SID = "sid"
"""The session's entry that names its `AuthSession`."""


def digest(session_key: str) -> str:
    """The name under which Redis knows the session: `HMAC-SHA256(SESSION_ID_KEY, id)`."""
    return hmac.digest(settings.SESSION_ID_KEY.encode(), session_key.encode(), "sha256").hex()


def drop(sid: UUID) -> None:
    """Delete the session of this sign-in, wherever it was opened. Raises `STORE_ERRORS`."""
    store = caches[settings.SESSION_CACHE_ALIAS]
    name = store.get(_index(sid))
    store.delete_many([_index(sid), *([name] if name else [])])


def lookup(sid: UUID) -> "SessionStore | None":
    """The session of this sign-in, for a caller that has proved the sign-in by other means."""
    name = caches[settings.SESSION_CACHE_ALIAS].get(_index(sid))
    return NamedSessionStore(name) if name else None


def _index(sid: UUID | str) -> str:
    return f"sid:{sid}"


class SessionStore(cache.SessionStore):
    # Django's own, which its type stubs leave out.
    _cache: BaseCache
    _get_or_create_session_key: Callable[[], str]

    @property
    def cache_key(self) -> str:
        return "session:" + digest(self._get_or_create_session_key())

    def get_expiry_age(self, **kwargs: Any) -> int:
        """Short until somebody signs in: anybody can have sessions made, as many as they like."""
        age: int = super().get_expiry_age(**kwargs)
        return age if SID in self else min(age, settings.ANONYMOUS_SESSION_AGE)

    def load(self) -> dict[str, Any]:
        try:
            data = self._cache.get(self.cache_key)
        except ValueError:
            # Not JSON: nobody's session. An unreachable store raises STORE_ERRORS instead.
            log.warning("a session in the store can't be read; its visitor is signed out")
            data = None
        if isinstance(data, dict):
            return data
        self._session_key = None
        return {}

    def exists(self, session_key: str) -> bool:
        return bool(session_key) and f"session:{digest(session_key)}" in self._cache

    def save(self, must_create: bool = False) -> None:
        try:
            super().save(must_create=must_create)
        except ValueError as exc:  # what is there can't be read: as if it had been deleted
            raise UpdateError from exc
        # Written with every save, so that a new id (at a privilege change) is found as well.
        if self.session_key and (sid := self.get(SID)):
            self._cache.set(_index(sid), self.cache_key, self.get_expiry_age())

    def delete(self, session_key: str | None = None) -> None:
        if session_key is None:
            if self.session_key is None:
                return
            self._cache.delete(self.cache_key)
            return
        self._cache.delete(f"session:{digest(session_key)}")


class NamedSessionStore(SessionStore):
    """A session known by its name in Redis. Only `lookup` makes one: a cookie never can.

    Nobody holds its id, so there is nothing to renew when its rights change.
    """

    def __init__(self, name: str) -> None:
        super().__init__(None)
        self._name = name
        self._session_key = name

    @property
    def cache_key(self) -> str:
        return self._name

    def cycle_key(self) -> None:
        self.modified = True

    def delete(self, session_key: str | None = None) -> None:
        self._cache.delete(self._name)
