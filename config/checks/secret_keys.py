"""Check the secrets that have no default."""

from collections.abc import Iterator
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security)
def check_secrets(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return list(_secrets())


def _secrets() -> Iterator[CheckMessage]:
    try:
        for key in settings.DATA_ENCRYPTION_KEYS:
            Fernet(key)
    except ValueError:
        yield Error(
            "DATA_ENCRYPTION_KEYS has an entry that isn't a Fernet key.",
            hint="A key is 32 bytes in url-safe base64: .env.example has the command.",
            id="accounts.E008",
        )
    if not settings.DATA_ENCRYPTION_KEYS:
        yield Error(
            "DATA_ENCRYPTION_KEYS is empty.",
            hint="It encrypts signing keys and queued mail: .env.example has the command.",
            id="accounts.E009",
        )
    if len(settings.SESSION_ID_KEY) < 32:  # noqa: PLR2004 - 256 bits as text
        yield Error(
            "SESSION_ID_KEY is shorter than 32 characters.",
            hint="Use `python -c 'import secrets; print(secrets.token_urlsafe(32))'`.",
            id="accounts.E010",
        )
    elif settings.SESSION_ID_KEY == settings.SECRET_KEY:
        yield Error(
            "SESSION_ID_KEY equals SECRET_KEY.",
            hint="A rotation of SECRET_KEY would sign everybody out: generate another key.",
            id="accounts.E011",
        )
