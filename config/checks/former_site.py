"""Check what lets users of a former site sign in: its tokens, and the system that knows its passwords."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from accounts.webhooks import addresses, signing
from api.tokens import legacy
from config.addresses import is_in_the_clear


@register(Tags.security)
def check_legacy_tokens(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.LEGACY_TOKEN_KEY or not (fault := legacy.fault()):
        return []
    return [
        Error(
            f"LEGACY_TOKEN_KEY or LEGACY_TOKEN_ALGORITHM: {fault}.",
            hint="Use the SIGNING_KEY (or VERIFYING_KEY) and the ALGORITHM of the former site's SIMPLE_JWT.",
            id="accounts.E041",
        )
    ]


@register(Tags.security)
def check_former_system(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    url, secret = settings.LEGACY_SIGN_IN_URL, settings.LEGACY_SIGN_IN_SECRET
    if not url:
        return []
    found: list[CheckMessage] = []
    try:
        addresses.parse(url)
    except addresses.RefusedError as exc:
        found.append(Error(f"LEGACY_SIGN_IN_URL={url!r}: {exc}.", id="accounts.E042"))
    else:
        if is_in_the_clear(url):
            found.append(
                Error(
                    f"LEGACY_SIGN_IN_URL={url!r} is not https.",
                    hint="Passwords go there.",
                    id="accounts.E042",
                )
            )
    if not signing.is_secret(secret):
        found.append(
            Error(
                "LEGACY_SIGN_IN_SECRET isn't `whsec_` and at least 24 bytes in base64.",
                hint='Make one: python -c "import base64,secrets;'
                "print('whsec_'+base64.b64encode(secrets.token_bytes(32)).decode())\"",
                id="accounts.E043",
            )
        )
    return found
