"""Check the settings of the providers."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004


@register(Tags.security)
def check_providers(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return list(_providers())


def _providers() -> Iterator[CheckMessage]:
    """Yield an error or a warning for each provider with incomplete settings."""
    for name, client in settings.PROVIDER_CLIENTS.items():
        variable = f"{name.upper()}_CLIENT_ID"
        if client.client_id and not client.secret and name != "kakao":
            yield Error(
                f"{variable} is set, but {name.upper()}_CLIENT_SECRET isn't.",
                hint="Set both, or neither: the provider's console shows both.",
                id="accounts.E020",
            )
        elif not client.client_id and any(
            [client.secret, client.native_client_ids, client.app_id, client.admin_key]
        ):
            yield Error(
                f"Other settings of this provider are set, but {variable} isn't.",
                hint=f"Set {variable}: without it the site doesn't offer the provider.",
                id="accounts.E021",
            )
    if settings.KAKAO_APP_ID and not settings.KAKAO_APP_ID.isdecimal():
        yield Error(
            f"KAKAO_APP_ID={settings.KAKAO_APP_ID!r} isn't a number.",
            hint="It is the app's id in Kakao's console, not one of its keys.",
            id="accounts.E022",
        )
    if settings.PROVIDER_CLIENTS["kakao"].native_client_ids and not settings.KAKAO_APP_ID:
        yield Warning(
            "KAKAO_NATIVE_APP_KEY is set, but KAKAO_APP_ID isn't.",
            hint="Apps can't sign in with Kakao's access tokens, and Kakao's ID tokens don't say "
            "whether an email is verified. Set KAKAO_APP_ID.",
            id="accounts.W020",
        )
    if settings.PROVIDER_CLIENTS["kakao"].admin_key and not settings.KAKAO_APP_ID:
        yield Warning(
            "KAKAO_ADMIN_KEY is set, but KAKAO_APP_ID isn't.",
            hint="The site refuses Kakao's unlink webhook, because it can't check which app the "
            "webhook is for. Set KAKAO_APP_ID.",
            id="accounts.W021",
        )
