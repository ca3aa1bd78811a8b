"""Check the addresses of the site and of its frontends."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from config.addresses import is_in_the_clear, is_loopback, is_origin


@register(Tags.security)
def check_addresses(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [*_of_the_site(settings.SITE_URL), *_of_frontends(), *_of_hosts()]


def _of_the_site(site: str) -> Iterator[CheckMessage]:
    if not is_origin(site):
        yield Error(
            f"SITE_URL={site!r} isn't an origin.",
            hint="Scheme and host only, such as https://auth.example.com: no path, no slash.",
            id="accounts.E001",
        )
    elif is_in_the_clear(site):
        yield Error(
            f"SITE_URL={site!r} is public and not https.",
            hint="Cookies and tokens would travel unencrypted. Use an https:// address.",
            id="accounts.E002",
        )
    if settings.DEMO and not is_loopback(site):
        yield Error(
            "DEMO is on, but SITE_URL is public.",
            hint="Demo accounts, stand-in providers and the mail viewer would be open to all: "
            "unset DEMO.",
            id="accounts.E003",
        )
    if settings.DEBUG and not is_loopback(site):
        yield Error(
            "DEBUG is on, but SITE_URL is public.",
            hint="Stack traces would show settings to everybody: unset DEBUG.",
            id="accounts.E004",
        )


def _of_frontends() -> Iterator[CheckMessage]:
    for origin in settings.FRONTEND_ORIGINS:
        if not is_origin(origin):
            yield Error(
                f"FRONTEND_ORIGINS has {origin!r}, which isn't an exact origin.",
                hint="Scheme, host and port only, such as https://app.example.com. No wildcard: "
                "it would let any site read its visitors' tokens.",
                id="accounts.E005",
            )
        elif is_in_the_clear(origin):
            yield Error(
                f"FRONTEND_ORIGINS has {origin!r}, which is public and not https.",
                hint="An attacker on the network could act for that frontend. Use https.",
                id="accounts.E006",
            )


def _of_hosts() -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield Error(
            "ALLOWED_HOSTS allows every host.",
            hint="List the hosts: with `*` a stranger chooses the host name in redirects.",
            id="accounts.E007",
        )
