"""Cut this process off from Redis."""

from contextlib import contextmanager


@contextmanager
def without_redis(settings):
    """Refuse every connection of this process to Redis, until the block ends."""
    before = settings.CACHES
    settings.SESSION_STORE_DEADLINE_SECONDS = 0.2
    # Django forgets its cache connections whenever this setting changes.
    settings.CACHES = {
        alias: options | {"LOCATION": "redis://127.0.0.1:9/0"} for alias, options in before.items()
    }
    try:
        yield
    finally:
        settings.CACHES = before
