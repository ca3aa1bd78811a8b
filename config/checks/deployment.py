"""Warn of settings that fit a laptop and no deployment."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004

from config import database


@register(Tags.security, deploy=True)
def check_database(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Return a warning if a connection to PostgreSQL on another machine may have no TLS."""
    hosts = database.remote_hosts_in_the_clear(settings.DATABASES["default"])
    if not hosts or settings.DATABASE_NETWORK_IS_PRIVATE:
        return []
    return [
        Warning(
            f"The connection to PostgreSQL at {', '.join(hosts)} may be unencrypted.",
            hint="Add `?sslmode=verify-full&sslrootcert=FILE` to DATABASE_URL, or at least "
            "`?sslmode=require`. If nobody else uses the network in between, set "
            "DATABASE_NETWORK_IS_PRIVATE=1.",
            id="config.W001",
        )
    ]


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return list(_deployment())


def _deployment() -> Iterator[CheckMessage]:
    if settings.REDIS_IS_EMBEDDED:
        yield Warning(
            "Sessions are in the embedded Redis.",
            hint="It serves one machine only: set REDIS_URL.",
            id="accounts.W001",
        )
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        yield Warning(
            "The database is SQLite.",
            hint="It serves one machine only: set DATABASE_URL to PostgreSQL.",
            id="accounts.W002",
        )
    if not settings.TRUSTED_PROXY_COUNT:
        yield Warning(
            "TRUSTED_PROXY_COUNT is 0.",
            hint="Behind a proxy all visitors would have the proxy's address, and share its rate "
            "limits. Set the number of proxies in front of the site.",
            id="accounts.W003",
        )
    if settings.EMAIL_BACKEND.endswith(("console.EmailBackend", "filebased.EmailBackend")):
        yield Warning(
            "The site doesn't send mail.",
            hint="Sign-up needs mail: set EMAIL_URL.",
            id="accounts.W004",
        )
