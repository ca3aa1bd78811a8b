"""Set the headers that browsers obey on every answer, and demand https."""

from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.http.response import ResponseHeaders

from accounts import routes
from api import problems
from config import errors

POLICY = "Content-Security-Policy"
HSTS = "Strict-Transport-Security"


class SecurityHeadersMiddleware:
    """Set the security headers on every answer, also of `/livez` and `/readyz`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        given = security(response.headers.get("Content-Type", ""))
        response.headers._store.update(_checked(tuple(given.items())))  # noqa: SLF001
        if not request.is_secure():  # RFC 6797 §7.2
            response.headers.pop(HSTS, None)
        return response


@lru_cache(maxsize=16)
def _checked(given: tuple[tuple[str, str], ...]) -> dict[str, tuple[str, str]]:
    """Return what Django stores for these headers. It checks each letter, for fourteen headers a request."""
    return ResponseHeaders(dict(given))._store  # noqa: SLF001


def security(kind: str) -> dict[str, str]:
    """Return `SECURITY_HEADERS` for an answer of this content type.

    An answer that is no page gets `sandbox` as well: a browser that shows it anyway gives it no origin and
    runs no script (ASVS 3.2.1).
    """
    headers: dict[str, str] = settings.SECURITY_HEADERS
    if not kind or kind.startswith("text/html"):  # a 304 has no type, and may be about a page
        return headers
    return headers | {POLICY: f"{headers[POLICY]}; sandbox"}


class HttpsMiddleware:
    """Refuse a program's call by plain http where the site is https.

    Django's middleware leads pages to https. A redirect of a call would hide that the program sends
    its credentials in the clear (ASVS 4.1.2).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SECURE_SSL_REDIRECT and not request.is_secure() and routes.is_machine(request):
            return errors.respond(request, problems.HTTPS_REQUIRED)
        return self.get_response(request)
