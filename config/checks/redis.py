"""Check the settings of Redis and, in a deployment, its connections: TLS, and a password."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004

from config import redis


@register(Tags.security)
def check_redis_addresses(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return list(_addresses())


def _addresses() -> Iterator[CheckMessage]:
    if settings.REDIS_URL and settings.REDIS_SENTINELS:
        yield Error(
            "REDIS_URL and REDIS_SENTINELS are both set.",
            hint="Set only one: REDIS_SENTINELS for a primary with replicas, REDIS_URL for a single "
            "server.",
            id="accounts.E012",
        )


@register(Tags.security, deploy=True)
def check_redis_connections(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return list(_connections())


def _connections() -> Iterator[CheckMessage]:
    weak = redis.weak(settings.CACHES)
    if weak.in_the_clear and not settings.DATABASE_NETWORK_IS_PRIVATE:
        yield Warning(
            f"The connection to Redis at {', '.join(weak.in_the_clear)} is unencrypted.",
            hint="Use rediss:// in REDIS_URL and REDIS_CACHE_URL, or REDIS_TLS=1 with Sentinels. If nobody else "
            "uses the network in between, set DATABASE_NETWORK_IS_PRIVATE=1.",
            id="config.W002",
        )
    if weak.without_password:
        yield Warning(
            f"The site connects to Redis at {', '.join(weak.without_password)} without a password.",
            hint="Everybody who reaches that port could end all sessions. Give Redis a password (`requirepass`, or a "
            "user of its ACL), and put it into REDIS_URL and REDIS_CACHE_URL, or into REDIS_PASSWORD.",
            id="config.W003",
        )
