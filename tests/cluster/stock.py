"""The parts to compare our session store with: Django and allauth without our changes."""

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.cache.backends.base import BaseCache
from django_redis.cache import RedisCache

from accounts.pages import receivers


class CheapPasswordHasher(Argon2PasswordHasher):
    memory_cost, time_cost, parallelism = 64, 1, 1


class NoSignIns:
    """Replaces AuthSessionMiddleware: the stock engine alone decides about a session."""

    def __init__(self, get_response):
        self.get_response = get_response
        user_logged_in.disconnect(receivers.open_session)
        user_logged_out.disconnect(receivers.revoke_session)

    def __call__(self, request):
        request.auth_session = None
        return self.get_response(request)


class NearestReplica(BaseCache):
    """Session replication: writes to the primary, which copies asynchronously, and reads from the
    copy on the server's own machine.
    """

    def __init__(self, location, params):
        super().__init__(params)
        options = params["OPTIONS"]["primary"]
        self._primary = RedisCache(options["LOCATION"], options)
        self._near = RedisCache(
            location,
            options
            | {
                "OPTIONS": {
                    "SERIALIZER": options["OPTIONS"]["SERIALIZER"],
                    "CONNECTION_POOL_KWARGS": {
                        "socket_connect_timeout": 0.5,
                        "socket_timeout": 1.0,
                    },
                }
            },
        )

    def get(self, key, default=None, version=None):
        return self._near.get(key, default, version)

    def has_key(self, key, version=None):
        return self._near.has_key(key, version)

    def add(self, key, value, timeout=None, version=None):
        return self._primary.add(key, value, timeout, version)

    def set(self, key, value, timeout=None, version=None):
        return self._primary.set(key, value, timeout, version)

    def delete(self, key, version=None):
        return self._primary.delete(key, version)
