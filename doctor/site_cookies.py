"""Check the flags of a `Set-Cookie` header."""

from collections.abc import Iterator

from django.conf import settings


def name(header: str) -> str:
    return header.split("=", 1)[0].strip()


def faults(header: str, is_https: bool) -> Iterator[str]:
    """Yield a text for each flag that the cookie lacks or has wrong."""
    cookie = name(header)
    flags = {}
    for part in header.split(";")[1:]:
        key, _, value = part.strip().partition("=")
        flags[key.lower()] = value
    if is_https and "secure" not in flags:
        yield f"{cookie} isn't Secure"
    # Our scripts must read the CSRF cookie to send it back.
    if "httponly" not in flags and cookie != settings.CSRF_COOKIE_NAME:
        yield f"{cookie} isn't HttpOnly"
    if flags.get("samesite", "").lower() not in {"lax", "strict"}:
        yield f"{cookie} has no SameSite"
    if is_https and not cookie.startswith("__Host-"):
        yield f"{cookie} has no __Host- prefix"
    if "domain" in flags or flags.get("path") != "/":
        yield f"{cookie} has a Domain, or a Path other than /"
