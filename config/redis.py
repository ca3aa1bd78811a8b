"""Turn Redis addresses into Django's `CACHES`.

These functions read no environment and open no connection.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

from config import database as database_settings
from config.addresses import encoded

CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 1.0
SENTINEL_SECONDS = 0.5


@dataclass(frozen=True)
class Sentinels:
    """The addresses of the Sentinels, the name of the primary, and the passwords for both."""

    addresses: list[str]
    master_name: str
    username: str = ""
    password: str = ""
    sentinel_password: str = ""
    tls: bool = False

    @property
    def hosts(self) -> list[tuple[str, int]]:
        """Return the addresses as pairs of host and port.

        Raises `ImproperlyConfigured` for an address that isn't `host:port`.
        """
        return _hosts("REDIS_SENTINELS", self.addresses)


@dataclass(frozen=True)
class Cluster:
    """The addresses of some nodes of a cluster, which know the others, and the password of all."""

    addresses: list[str]
    username: str = ""
    password: str = ""
    tls: bool = False

    @property
    def hosts(self) -> list[tuple[str, int]]:
        """Return the addresses as pairs of host and port. Raises `ImproperlyConfigured`."""
        return _hosts("REDIS_CLUSTER", self.addresses)


def _hosts(variable: str, addresses: list[str]) -> list[tuple[str, int]]:
    hosts = []
    for address in addresses:
        host, _, port = address.strip().rpartition(":")
        if not host or not port.isdecimal():
            raise ImproperlyConfigured(f"{variable}: {address!r} isn't host:port")
        hosts.append((host.strip("[]"), int(port)))
    return hosts


def database(url: str, number: int) -> str:
    """Return `url` with another database number, on the same server."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        query = dict(parse_qsl(parts.query)) | {"db": str(number)}
        # Without a host, urlunsplit drops the two slashes that redis-py needs.
        return f"unix://{parts.path}?{urlencode(query)}"
    return urlunsplit(parts._replace(path=f"/{number}"))


def database_number(url: str) -> int:
    """Return the number of the database in `url`; 0 if it has none. Raises `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return int(dict(parse_qsl(parts.query)).get("db", "0"))
    return int(parts.path.strip("/") or "0")


def caches(
    sessions_url: str,
    cache_url: str = "",
    *,
    sentinels: Sentinels | None = None,
    cluster: Cluster | None = None,
    answer_seconds: float = ANSWER_SECONDS,
) -> dict[str, dict[str, Any]]:
    """Return the settings of two caches, `sessions` and `default`, in separate databases.

    Separate, because `cache.clear()` is a FLUSHDB: in a shared database it would sign everybody
    out. With `sentinels`, both caches are on their primary, except `default` if `cache_url` is set.
    With `cluster`, the sessions are there. `default` is not, because a limit counts several keys at once: it needs
    `cache_url` or `sentinels`. Raises `ImproperlyConfigured`.
    """
    if cluster and not (cache_url or sentinels):
        raise ImproperlyConfigured(
            "REDIS_CLUSTER holds the sessions only. Name another Redis in REDIS_CACHE_URL, or its Sentinels in "
            "REDIS_SENTINELS: caches and rate limits can't be in a cluster."
        )
    sessions_url, cache_url = encoded(sessions_url), encoded(cache_url)
    for url in (sessions_url, cache_url):
        _check(url)
    if sentinels:
        # SentinelConnectionFactory reads the host of this URL as the primary's name.
        sessions_url = f"redis://{sentinels.master_name}/0"
    first = database_number(sessions_url)
    default = _cache(cache_url or database(sessions_url, first + 1), answer_seconds)
    default["BACKEND"] = "accounts.store.cache.SharedCache"
    sessions = _cache(database(sessions_url, first), answer_seconds)
    if sentinels:
        _behind(sentinels, sessions)
        if not cache_url:
            _behind(sentinels, default)
    if cluster:
        sessions = _in(cluster, answer_seconds)
    return {"default": default, "sessions": sessions}


@dataclass(frozen=True)
class Weak:
    """The servers of these caches on other machines, as far as they lack something."""

    in_the_clear: list[str]
    without_password: list[str]


def weak(caches: dict[str, dict[str, Any]]) -> Weak:
    """Return the servers on other machines to which a connection has no TLS, or no password."""
    found = Weak([], [])
    for cache in caches.values():
        hosts, has_tls, has_password = _described(cache)
        for host in hosts:
            if database_settings.is_here(host):
                continue
            if not has_tls and host not in found.in_the_clear:
                found.in_the_clear.append(host)
            if not has_password and host not in found.without_password:
                found.without_password.append(host)
    return found


def _described(cache: dict[str, Any]) -> tuple[list[str], bool, bool]:
    """Return the cache's hosts, and whether it connects with TLS and with a password."""
    options, parts = cache["OPTIONS"], urlsplit(cache["LOCATION"])
    named = options.get("SENTINELS") or options.get("CLUSTER")
    own = options.get("CONNECTION_POOL_KWARGS", {})
    if named:
        return [host for host, _ in named], bool(own.get("ssl")), "password" in own
    password = parts.password or dict(parse_qsl(parts.query)).get("password")
    return [parts.hostname or ""], parts.scheme == "rediss", bool(password)


def _check(url: str) -> None:
    """Raise `ImproperlyConfigured` if the address can't be read.

    The error's text doesn't repeat the address, which may hold a password.
    """
    try:
        database_number(url)
        port = urlsplit(url).port
    except ValueError:
        port = 0
    if port == 0:
        raise ImproperlyConfigured(
            "A Redis address can't be read. Percent-encode its password: `/`, `?` and `#` would cut it."
        ) from None


def _behind(sentinels: Sentinels, cache: dict[str, Any]) -> None:
    """Set the options that connect the cache to the primary that the Sentinels name.

    Reads go to the primary as well, because a session may be missing on a replica that lags. So
    this doesn't use django-redis' `SentinelClient`.
    """
    own: dict[str, Any] = {"ssl": True} if sentinels.tls else {}
    if sentinels.username:
        own["username"] = sentinels.username
    if sentinels.password:
        own["password"] = sentinels.password
    asking: dict[str, Any] = {"ssl": True} if sentinels.tls else {}
    if sentinels.sentinel_password:
        asking["password"] = sentinels.sentinel_password
    options = cache["OPTIONS"]
    options["CONNECTION_POOL_KWARGS"] |= own
    options |= {
        "CONNECTION_FACTORY": "django_redis.pool.SentinelConnectionFactory",
        "SENTINELS": sentinels.hosts,
        # Without these, the client of each Sentinel retries ten times.
        "SENTINEL_KWARGS": asking
        | {
            "socket_connect_timeout": SENTINEL_SECONDS,
            "socket_timeout": SENTINEL_SECONDS,
            "retry": _NO_RETRY,
        },
    }


def _in(cluster: Cluster, answer_seconds: float) -> dict[str, Any]:
    """Return the settings of a cache in the cluster, for `accounts.store.nodes`: Django can't use it as a cache."""
    host, port = cluster.hosts[0]
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    cache = _cache(f"{'rediss' if cluster.tls else 'redis'}://{where}/0", answer_seconds)
    own: dict[str, Any] = {"ssl": True} if cluster.tls else {}
    if cluster.username:
        own["username"] = cluster.username
    if cluster.password:
        own["password"] = cluster.password
    cache["OPTIONS"]["CONNECTION_POOL_KWARGS"] |= own
    cache["OPTIONS"]["CLUSTER"] = cluster.hosts
    return cache


_NO_RETRY = Retry(NoBackoff(), 0)


def _cache(url: str, answer_seconds: float) -> dict[str, Any]:
    # A unix socket has no keepalive option.
    keepalive = {} if url.startswith("unix:") else {"socket_keepalive": True}
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": "munjigi",
        "OPTIONS": {
            # With pickle, django-redis' default, a writer to Redis could run code in this process.
            "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
            "CONNECTION_POOL_KWARGS": {
                "socket_connect_timeout": CONNECT_SECONDS,
                "socket_timeout": answer_seconds,
                "health_check_interval": 15,
                # `accounts.store.outage` retries. A retry in here would multiply its retries.
                "retry": _NO_RETRY,
                **keepalive,
            },
        },
    }
