"""Make clients that reach Redis as the site does, but never retry.

The site's own clients retry during an outage. The report shows the first error, at once.
"""

from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError

from config import redis as addresses
from doctor import redaction

NOT_OURS = {
    *("retry", "retry_on_error", "retry_on_timeout"),
    *("max_connections", "timeout", "check_connection"),
}
"""Options of a pool that set its retries and its size. The doctor's clients don't take them."""


def options(alias: str) -> dict[str, Any]:
    found: dict[str, Any] = settings.CACHES[alias].get("OPTIONS", {})
    return found


def location(alias: str) -> str:
    return str(settings.CACHES[alias]["LOCATION"])


def has_sentinels(alias: str = "sessions") -> bool:
    return bool(options(alias).get("SENTINELS"))


def has_cluster() -> bool:
    return bool(options("sessions").get("CLUSTER"))


def name(alias: str) -> str:
    """Return the address of this cache for people to read, without its password."""
    where = redaction.address(location(alias))
    return f"{where} (by Sentinel)" if has_sentinels(alias) else where


def primary(alias: str) -> Redis:
    """Return a client of the server that takes this cache's writes.

    Raises `RedisError` if no Sentinel knows the primary.
    """
    if not has_sentinels(alias):
        return Redis.from_url(location(alias), **_keywords(alias))
    for sentinel in sentinels(alias).values():
        try:
            found = sentinel.sentinel_get_master_addr_by_name(master(alias))
        except RedisError:
            continue
        if found:
            host, port = cast("tuple[str, int]", found)
            return node(alias, host, int(port))
    raise MasterNotFoundError(f"no Sentinel that answers knows {master(alias)!r}")


def node(alias: str, host: str, port: int) -> Redis:
    """Return a client of one server that the Sentinels watch, or of a node of the cluster."""
    return Redis(
        host=host,
        port=port,
        db=addresses.database_number(location(alias)),
        **{**_credentials(location(alias)), **_keywords(alias)},
    )


def sentinels(alias: str = "sessions") -> dict[str, Redis]:
    """Return a client of each configured Sentinel, by its address."""
    keywords = _impatient(options(alias).get("SENTINEL_KWARGS") or {})
    pool = options(alias).get("CONNECTION_POOL_KWARGS", {})
    timeouts = {key: pool[key] for key in pool if key.startswith("socket_")}
    return {
        f"{host}:{port}": Redis(
            host=host, port=int(port), **{**timeouts, **keywords, "decode_responses": True}
        )
        for host, port in options(alias)["SENTINELS"]
    }


def master(alias: str = "sessions") -> str:
    """Return the Sentinels' name of the group of primary and replicas."""
    return urlsplit(location(alias)).hostname or ""


def _keywords(alias: str) -> dict[str, Any]:
    keywords = _impatient(options(alias).get("CONNECTION_POOL_KWARGS", {}))
    for option in ("USERNAME", "PASSWORD"):
        if value := options(alias).get(option):
            keywords[option.lower()] = value
    return {**keywords, "decode_responses": True}


def _impatient(keywords: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in keywords.items() if key not in NOT_OURS}
    return kept | {"retry": Retry(NoBackoff(), 0)}


def _credentials(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    found = {"username": parts.username, "password": parts.password}
    tls = {"ssl": True} if parts.scheme == "rediss" else {}
    return {key: value for key, value in found.items() if value} | tls
