"""Check the settings: secrets, proxies, cookies, collected files, Django's own checks."""

import json

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core import checks

from config.addresses import is_loopback
from doctor import origins
from doctor.findings import (
    Area,
    Check,
    Finding,
    error,
    fault,
    ok,
    skipped,
    warning,
)

SHORT, TOO_SHORT = 50, 32
"""Characters of a key: below `SHORT` Django warns; `TOO_SHORT` is the length of 256 bits as text."""
FEWEST_DIFFERENT = 5
CHECK_SECONDS = 60.0
"""Time limit: Django's checks build every URL and the API's schema, slow on a small machine."""
REPORTED_ELSEWHERE = {
    "accounts.E010",  # session id key
    "accounts.E011",  # session id key
    "accounts.W001",  # redis
    "accounts.W002",  # database
    "accounts.W003",  # proxy count
    "accounts.W004",  # mail backend
    "security.W009",  # secret key
}
FOLLOW_FROM_HTTP = {"security.W004", "security.W008", "security.W010", "security.W016"}
"""Django's warnings about a site without https. The line `cookies` reports it already."""
DRAW = "Generate one: python -c 'import secrets; print(secrets.token_urlsafe(50))'."


def is_public() -> bool:
    """Return True if other machines can reach the site by its `SITE_URL`."""
    return not is_loopback(settings.SITE_URL)


def area() -> Area:
    return Area(
        (
            Check("secret key", secret_key),
            Check("session id key", session_id_key),
            Check("proxy count", proxy_count),
            Check("cookies", cookies),
            Check("frontend origins", origins.frontends),
            Check("static files", static_files, CHECK_SECONDS),
            Check("django checks", django_checks, CHECK_SECONDS),
        )
    )


def secret_key() -> Finding:
    key, former = settings.SECRET_KEY, len(settings.SECRET_KEY_FALLBACKS)
    if len(key) < TOO_SHORT or len(set(key)) < FEWEST_DIFFERENT or key.startswith("django-insec"):
        return error("SECRET_KEY can be guessed, and then anybody can sign reset links", DRAW)
    if len(key) < SHORT:
        return warning(f"SECRET_KEY has {len(key)} characters, Django wants {SHORT}", DRAW)
    return ok(f"{len(key)} characters" + (f", {former} former" if former else ""))


def session_id_key() -> Finding:
    key = settings.SESSION_ID_KEY
    if len(key) < TOO_SHORT or len(set(key)) < FEWEST_DIFFERENT:
        return error(f"SESSION_ID_KEY can be guessed ({len(key)} characters)", DRAW)
    if key == settings.SECRET_KEY:
        return error(
            "SESSION_ID_KEY equals SECRET_KEY: a rotation of SECRET_KEY signs everybody out", DRAW
        )
    return ok(f"{len(key)} characters")


def proxy_count() -> Finding:
    count = settings.TRUSTED_PROXY_COUNT
    if count < 0:
        return error(
            f"TRUSTED_PROXY_COUNT is {count}",
            "Set TRUSTED_PROXY_COUNT to the number of proxies in front of the site.",
        )
    if settings.HTTPS and not count:
        return error(
            "SITE_URL is https, but no proxy is trusted and the site itself speaks plain http: "
            "every page redirects to itself",
            "Set TRUSTED_PROXY_COUNT to the number of proxies in front (the shipped nginx: 1).",
        )
    if count and not is_public():
        return warning(
            f"{count} trusted on a loopback site: without a proxy, clients can forge their address",
            "Set TRUSTED_PROXY_COUNT=0, unless a proxy really stands in front.",
        )
    return ok(f"{count} trusted" if count else "none trusted")


def cookies() -> Finding:
    if not settings.HTTPS:
        text = "plain http: cookies can't be Secure"
        return (
            error(text, "Use an https SITE_URL.") if is_public() else ok(f"{text}; loopback only")
        )
    names = {
        name: getattr(settings, f"{name}_COOKIE_NAME")
        for name in ("SESSION", "CSRF", "LANGUAGE", "REFRESH")
    }
    faults = [value for value in names.values() if not value.startswith("__Host-")]
    faults += [f"{names[n]} not Secure" for n in names if not _flag(n, "SECURE", default=True)]
    faults += [
        f"{names[n]} not HttpOnly" for n in ("SESSION", "LANGUAGE") if not _flag(n, "HTTPONLY")
    ]
    faults += [f"{names[n]} has a Domain" for n in names if _flag(n, "DOMAIN")]
    faults += [
        f"{names[n]} SameSite={_flag(n, 'SAMESITE')}"
        for n in ("SESSION", "CSRF", "LANGUAGE")
        if _flag(n, "SAMESITE") not in {"Lax", "Strict"}
    ]
    if faults:
        return error(
            "; ".join(faults),
            "Undo the changes in config/settings/security.py: it sets these flags by SITE_URL.",
        )
    return ok("__Host-, Secure, SameSite, and HttpOnly except csrf")


def _flag(name: str, flag: str, *, default: object = None) -> object:
    return getattr(settings, f"{name}_COOKIE_{flag}", default)


def static_files() -> Finding:
    if not settings.STATIC_HASHED:
        if is_public():
            return warning("served from the sources, without hashes", "Unset STATIC_HASHED.")
        return ok("served from the sources")
    path = settings.STATIC_ROOT / "staticfiles.json"
    advice = "Run `manage.py collectstatic` with every release, and give the result to nginx."
    try:
        collected = json.loads(path.read_text())["paths"]
    except FileNotFoundError:
        return error(f"{path} is missing: every page fails", advice)
    sources = {name for finder in get_finders() for name, _ in finder.list([])}
    # Files of other packages may be missing, because the shipped image leaves some out.
    missing = sorted(name for name in sources - set(collected) if name.startswith("accounts/"))
    gone = [name for name in collected.values() if not staticfiles_storage.exists(name)]
    if missing or gone:
        return error(f"{(missing + gone)[0]} isn't collected: pages that use it fail", advice)
    return ok(f"{len(collected)} files collected")


def django_checks() -> list[Finding]:
    """Return the findings of `manage.py check --deploy` that no other line reports."""
    covered = REPORTED_ELSEWHERE | (set() if settings.HTTPS else FOLLOW_FROM_HTTP)
    messages = [
        message
        for message in checks.run_checks(include_deployment_checks=True)
        if not message.is_silenced() and message.id not in covered
    ]
    if not messages:
        return [ok("manage.py check --deploy finds nothing else")]
    return [_finding(message) for message in messages]


def _finding(message: checks.CheckMessage) -> Finding:
    advice = message.hint or "See `manage.py check --deploy`."
    if message.level < checks.WARNING:
        return skipped(message.msg)
    judged = fault(message.msg, advice, is_grave=message.is_serious())
    return Finding(judged.level, judged.found, judged.advice, name=message.id or "django checks")
