"""Remove secrets from the report. A library's error message may contain a password."""

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from django.conf import settings

MASK = "…"
SHORTEST = 8
"""Shortest secret that is masked: if the password is "redis", masking would hide the report."""


def clean(text: str) -> str:
    """Return the text as one line, without the settings' secrets and without control characters.

    The text may come from a hostile server, and control characters could command the terminal.
    """
    text = "".join(each if each.isprintable() else "�" for each in " ".join(text.split()))
    for secret in sorted(set(_secrets()), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def address(url: str) -> str:
    """Return a server's URL without user, password and query, for people to read."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port}" if parts.port else str(host)


def _secrets() -> Iterator[str]:
    for secret in _values():
        if len(secret) >= SHORTEST:
            yield secret


def _values() -> Iterator[str]:
    yield from (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    yield settings.SESSION_ID_KEY
    yield from settings.DATA_ENCRYPTION_KEYS
    yield settings.EMAIL_HOST_PASSWORD or ""
    for database in settings.DATABASES.values():
        yield str(database.get("PASSWORD") or "")
    for cache in settings.CACHES.values():
        yield from _passwords(str(cache["LOCATION"]))
        options = cache.get("OPTIONS", {})
        nested = (options.get(name) or {} for name in ("CONNECTION_POOL_KWARGS", "SENTINEL_KWARGS"))
        for holder in (options, *nested):
            yield str(holder.get("PASSWORD") or holder.get("password") or "")
    for provider in settings.SOCIALACCOUNT_PROVIDERS.values():
        for app in provider.get("APPS", []):
            yield app["secret"]
        yield provider.get("ADMIN_KEY", "")


def _passwords(url: str) -> Iterator[str]:
    password = urlsplit(url).password or ""
    yield from (password, unquote(password))
