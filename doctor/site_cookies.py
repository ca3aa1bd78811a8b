"""Is a `Set-Cookie` header what it should be?"""

from collections.abc import Iterator

from django.conf import settings


def name(header: str) -> str:
    return header.split("=", 1)[0].strip()


def faults(header: str, is_https: bool) -> Iterator[str]:
    """What this cookie lacks, in words."""
    who = name(header)
    flags = {}
    for part in header.split(";")[1:]:
        key, _, value = part.strip().partition("=")
        flags[key.lower()] = value
    if is_https and "secure" not in flags:
        yield f"{who} isn't Secure"
    # A script of ours reads the CSRF cookie and sends it back: that is what it is for.
    if "httponly" not in flags and who != settings.CSRF_COOKIE_NAME:
        yield f"{who} isn't HttpOnly"
    if flags.get("samesite", "").lower() not in {"lax", "strict"}:
        yield f"{who} has no SameSite"
    if is_https and not who.startswith("__Host-"):
        yield f"{who} isn't __Host-"
    if "domain" in flags or flags.get("path") != "/":
        yield f"{who} isn't for this host and all its paths"
