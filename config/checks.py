"""System checks of the process's own settings; those of the domain are in `accounts`."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004

from config import database


@register(Tags.security, deploy=True)
def check_database(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Warn of a PostgreSQL on another machine that is reached without TLS."""
    hosts = database.remote_hosts_in_the_clear(settings.DATABASES["default"])
    if not hosts or settings.DATABASE_NETWORK_IS_PRIVATE:
        return []
    return [
        Warning(
            f"The connection to PostgreSQL at {', '.join(hosts)} may be unencrypted.",
            hint="Add `?sslmode=verify-full&sslrootcert=FILE` to DATABASE_URL, or at least "
            "`?sslmode=require`. If nobody else is on the network in between, set "
            "DATABASE_NETWORK_IS_PRIVATE=1.",
            id="config.W001",
        )
    ]
