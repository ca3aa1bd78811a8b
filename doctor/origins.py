"""Check the list of frontends that may call from other origins."""

from urllib.parse import urlsplit

from django.conf import settings

from config.addresses import is_in_the_clear
from doctor.findings import Finding, error, ok, warning

SECOND_LEVEL = {"ac", "co", "com", "edu", "go", "gov", "mil", "ne", "net", "nhs", "or", "org", "re"}
"""Labels below a country's domain where anybody registers: `a.co.kr` and `b.co.kr` are two sites."""
SHARED = {
    *("azurewebsites.net", "cloudfront.net", "fly.dev", "github.io", "herokuapp.com"),
    *("netlify.app", "onrender.com", "pages.dev", "vercel.app", "web.app", "workers.dev"),
}
"""Domains of hosting companies that give each customer a name (from https://publicsuffix.org)."""
EXACT = "Scheme, host and port only, such as https://app.example.com."


def frontends() -> Finding:
    if _is_open():
        return error(
            "CORS allows every origin: any page can read its visitor's data",
            "List the origins in FRONTEND_ORIGINS.",
        )
    allowed = {*settings.CORS_ALLOWED_ORIGINS, *settings.CSRF_TRUSTED_ORIGINS}
    for origin in sorted(allowed):
        parts = urlsplit(origin)
        if "*" in origin or origin != f"{parts.scheme}://{parts.netloc}" or not parts.hostname:
            return error(f"{origin!r} isn't an exact origin", EXACT)
        if is_in_the_clear(origin):
            text = f"{origin} isn't https: an attacker on the network can act for this frontend"
            return error(text, "Use https.")
    if elsewhere := [o for o in sorted(allowed) if not same_site(o, settings.SITE_URL)]:
        return warning(
            f"{', '.join(elsewhere)} and {settings.SITE_URL} are different sites: "
            "browsers send no cookies of one to the other",
            "Serve both below one domain, or let these frontends receive refresh tokens in the "
            "body.",
        )
    return ok(", ".join(sorted(allowed)) or "none")


def same_site(one: str, other: str) -> bool:
    """Return True if two origins are one site, as browsers decide: same scheme, same domain.

    The domain is the registrable one. Ports don't matter.
    """
    a, b = urlsplit(one), urlsplit(other)
    return a.scheme == b.scheme and _site(a.hostname or "") == _site(b.hostname or "")


def _site(host: str) -> str:
    labels = host.split(".")
    if labels[-1].isdigit() or ":" in host:  # each IP address is its own site
        return host
    is_shared = ".".join(labels[-2:]) in SHARED
    is_country = len(labels[-1]) == 2 and labels[-2:][0] in SECOND_LEVEL  # noqa: PLR2004 - ISO 3166
    return ".".join(labels[-3 if is_shared or is_country else -2 :])


def _is_open() -> bool:
    return bool(
        getattr(settings, "CORS_ALLOW_ALL_ORIGINS", False)
        or getattr(settings, "CORS_ALLOWED_ORIGIN_REGEXES", [])
        or "*" in settings.CORS_ALLOWED_ORIGINS
    )
