"""Check what an operator may add: claims, places of IP addresses, traces, the end of dormant accounts."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.utils.module_loading import import_string

from accounts import places
from config import retention, tracing


@register(Tags.security)
def check_claims(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    path = settings.ACCESS_TOKEN_CLAIMS
    try:
        is_function = not path or callable(import_string(path))
    except ImportError:
        is_function = False
    if is_function:
        return []
    return [
        Error(
            f"ACCESS_TOKEN_CLAIMS={path!r} is no function that can be imported.",
            hint="Write its path, such as acme.tokens.claims, and put its package on PYTHONPATH.",
            id="accounts.E062",
        )
    ]


@register()
def check_places(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    path = settings.GEOIP_FILE
    if not path or not (fault := places.fault(path)):
        return []
    return [
        Error(
            f"GEOIP_FILE={path!r}: {fault}.",
            hint="Use a file of cities or countries in MaxMind's format (.mmdb), such as GeoLite2-City.",
            id="accounts.E040",
        )
    ]


@register()
def check_tracing(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not settings.TRACING or tracing.is_installed():
        return []
    return [
        Error(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry isn't installed.",
            hint="Install the packages of the extra `otel` (docs/metrics.md), or leave it empty.",
            id="config.E001",
        )
    ]


@register()
def check_retention(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if not (fault := retention.dormancy_fault()):
        return []
    return [
        Error(
            f"DORMANT_ACCOUNT_DAYS={settings.DORMANT_ACCOUNT_DAYS}: {fault}.",
            hint="Set more days, such as 365, or 0.",
            id="accounts.E044",
        )
    ]
