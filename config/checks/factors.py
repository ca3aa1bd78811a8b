"""Check the settings of second factors at the start: numbers, and where passkeys work."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from config.addresses import is_in_the_clear, is_origin

YEAR = 365
DAY = 24 * 3600
LIMITS = {
    "ACCOUNT_DELETION_DAYS": YEAR,
    "MFA_GRACE_DAYS": YEAR,
    "MFA_RESET_DELAY_SECONDS": 30 * DAY,
    "MFA_TRUSTED_BROWSER_DAYS": YEAR,
}
"""The highest value of each setting. The lowest is 0."""
OF_ANDROID = re.compile(r"android:apk-key-hash:[A-Za-z0-9_-]{43}")


@register(Tags.security)
def check_numbers(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"{name}={getattr(settings, name)} is out of range.",
            hint=f"Write a number from 0 to {highest}.",
            id="accounts.E026",
        )
        for name, highest in LIMITS.items()
        if not 0 <= getattr(settings, name) <= highest
    ]


@register(Tags.security)
def check_passkeys(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return list(_passkeys())


def _passkeys() -> Iterator[CheckMessage]:
    rp_id = settings.WEBAUTHN_RP_ID
    if "." not in rp_id and rp_id != urlsplit(settings.SITE_URL).hostname:
        yield Error(
            f"WEBAUTHN_RP_ID={rp_id!r} is no domain of yours.",
            hint="Browsers refuse it: write the host of SITE_URL, or a domain above it.",
            id="accounts.E027",
        )
    # `origins` checks these. A frontend on another domain may use tokens without passkeys.
    others = {settings.SITE_URL, *settings.FRONTEND_ORIGINS}
    for origin in settings.WEBAUTHN_ORIGINS:
        if origin in others or OF_ANDROID.fullmatch(origin):
            continue
        host = urlsplit(origin).hostname if is_origin(origin) else None
        if host is None or is_in_the_clear(origin):
            yield Error(
                f"WEBAUTHN_ORIGINS has {origin!r}, which isn't an exact https origin.",
                hint="Scheme, host and port only, such as https://app.example.com, or the origin of "
                "an Android app: android:apk-key-hash: and 43 characters.",
                id="accounts.E028",
            )
        elif host != rp_id and not host.endswith(f".{rp_id}"):
            yield Error(
                f"WEBAUTHN_ORIGINS has {origin!r}, which is not on the domain WEBAUTHN_RP_ID={rp_id!r}.",
                hint="Browsers refuse passkeys there: list origins whose host is that domain, or ends "
                "with it.",
                id="accounts.E029",
            )
