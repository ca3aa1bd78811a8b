"""Check the settings at the start, so that an unsafe deployment doesn't start.

`manage.py check --deploy` runs all checks. Other commands and the tests run those without the
deploy tag.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004
from django.utils.module_loading import import_string

from accounts import places
from accounts.breaches import file as breach_file
from accounts.webhooks import addresses, signing
from api.tokens import legacy
from config import database, retention, tracing

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in LOOPBACK or host.endswith(".localhost")


def is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return (
        url == f"{parts.scheme}://{parts.netloc}"
        and parts.scheme in {"http", "https"}
        and (bool(parts.hostname) and "*" not in url and "@" not in parts.netloc)
    )


@register(Tags.security)
def check_addresses(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return list(_addresses())


def _addresses() -> Iterator[CheckMessage]:
    site = settings.SITE_URL
    if not is_origin(site):
        yield Error(
            f"SITE_URL={site!r} isn't an origin.",
            hint="Scheme and host only, such as https://auth.example.com: no path, no slash.",
            id="accounts.E001",
        )
    elif urlsplit(site).scheme != "https" and not is_loopback(site):
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
    for origin in settings.FRONTEND_ORIGINS:
        if not is_origin(origin):
            yield Error(
                f"FRONTEND_ORIGINS has {origin!r}, which isn't an exact origin.",
                hint="Scheme, host and port only, such as https://app.example.com. No wildcard: "
                "it would let any site read its visitors' tokens.",
                id="accounts.E005",
            )
        elif urlsplit(origin).scheme != "https" and not is_loopback(origin):
            yield Error(
                f"FRONTEND_ORIGINS has {origin!r}, which is public and not https.",
                hint="An attacker on the network could act for that frontend. Use https.",
                id="accounts.E006",
            )
    if "*" in settings.ALLOWED_HOSTS:
        yield Error(
            "ALLOWED_HOSTS allows every host.",
            hint="List the hosts: with `*` a stranger chooses the host name in redirects.",
            id="accounts.E007",
        )


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


@register(Tags.security)
def check_redis(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return list(_redis())


def _redis() -> Iterator[CheckMessage]:
    if settings.REDIS_URL and settings.REDIS_SENTINELS:
        yield Error(
            "REDIS_URL and REDIS_SENTINELS are both set.",
            hint="Set only one: REDIS_SENTINELS for a primary with replicas, REDIS_URL for a single "
            "server.",
            id="accounts.E012",
        )


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


@register(Tags.security)
def check_breaches(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return list(_breaches())


def _breaches() -> Iterator[CheckMessage]:
    service, path = settings.PASSWORD_BREACH_API, settings.PASSWORD_BREACH_FILE
    if service and not is_origin(service):
        yield Error(
            f"PASSWORD_BREACH_API={service!r} isn't an origin.",
            hint="Scheme and host only, such as https://api.pwnedpasswords.com: no path, no slash.",
            id="accounts.E023",
        )
    elif service and urlsplit(service).scheme != "https" and not is_loopback(service):
        yield Error(
            f"PASSWORD_BREACH_API={service!r} is public and not https.",
            hint="A reader of the network would learn a part of the hash of each new password.",
            id="accounts.E024",
        )
    if path and (fault := breach_file.fault(path)):
        yield Error(
            f"PASSWORD_BREACH_FILE={path!r}: {fault}.",
            hint="Use the file of SHA-1 hashes of Have I Been Pwned, ordered by hash: a line "
            "`SHA-1:COUNT` for each password.",
            id="accounts.E025",
        )


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
        target = addresses.parse(url)
    except addresses.RefusedError as exc:
        found.append(Error(f"LEGACY_SIGN_IN_URL={url!r}: {exc}.", id="accounts.E042"))
    else:
        if target.scheme != "https" and not is_loopback(url):
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
