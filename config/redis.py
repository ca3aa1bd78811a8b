"""Redis addresses in, Django's `CACHES` out. Pure: reads no environment, opens nothing."""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 1.0


def database(url: str, number: int) -> str:
    """The same server, another of its databases."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        query = dict(parse_qsl(parts.query)) | {"db": str(number)}
        # Not urlunsplit: with no host it drops the two slashes that redis-py asks for.
        return f"unix://{parts.path}?{urlencode(query)}"
    return urlunsplit(parts._replace(path=f"/{number}"))


def database_number(url: str) -> int:
    """Which of the server's databases the address names; 0 when it names none."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return int(dict(parse_qsl(parts.query)).get("db", "0"))
    return int(parts.path.strip("/") or "0")


def caches(sessions_url: str, cache_url: str = "") -> dict[str, dict[str, Any]]:
    """Two aliases: `sessions` and `default`, in separate databases.

    `cache.clear()` is a FLUSHDB, so sharing one database would let a cleared cache sign
    everybody out.
    """
    first = database_number(sessions_url)
    return {
        "default": _cache(cache_url or database(sessions_url, first + 1)),
        "sessions": _cache(database(sessions_url, first)),
    }


def _cache(url: str) -> dict[str, Any]:
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": "munjigi",
        "OPTIONS": {
            # django-redis' own default is pickle: whoever can write to Redis could run code here.
            "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
            "CONNECTION_POOL_KWARGS": {
                "socket_connect_timeout": CONNECT_SECONDS,
                "socket_timeout": ANSWER_SECONDS,
                "health_check_interval": 15,
            },
        },
    }
