"""Deliver a refresh token in the body, or in a cookie that no script can read.

Cookie delivery is for a same-site browser frontend. The frontend asks with `X-Token-Delivery:
cookie`, a header that a foreign page can't send without a preflight. Its `Origin` must be one of
ours (RFC 10017 §6), because SameSite alone lets sibling subdomains in.
"""

from typing import Any

from django.conf import settings
from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from structlog import get_logger

from accounts.pages import known_devices
from api.exceptions import OriginRefused

HEADER = "X-Token-Delivery"

log = get_logger()


def by_cookie(request: Request) -> bool:
    """Return True if the caller asks for the cookie. Raises `OriginRefused` for a foreign page."""
    if request.headers.get(HEADER, "") != "cookie":
        return False
    if request.headers.get("Origin") not in {settings.SITE_URL, *settings.FRONTEND_ORIGINS}:
        log.warning("origin_refused", reason="a cookie call from another origin")
        raise OriginRefused
    return True


def cookie(request: Request) -> str:
    """Return the refresh token of the browser's cookie, or ''.

    Raises `OriginRefused` for a foreign page.
    """
    return request.COOKIES.get(settings.REFRESH_COOKIE_NAME, "") if by_cookie(request) else ""


def respond(request: Request, pair: dict[str, Any]) -> Response:
    """Return an answer with the pair. The refresh token is in the body, or in a cookie on request.

    An answer with the cookie also marks the browser as a known device (`known_devices`). Raises
    `OriginRefused` if a foreign page asks for the cookie.
    """
    if not by_cookie(request):
        return Response(pair)
    body = {name: value for name, value in pair.items() if name != "refresh"}
    response = Response(body)
    put(response, pair["refresh"])
    known_devices.remember(request._request, response)  # noqa: SLF001 - DRF's only way to it
    return response


def put(response: HttpResponseBase, token: str) -> None:
    """Set the cookie to this token."""
    _set(response, token, max_age=int(settings.REFRESH_TOKEN_LIFETIME.total_seconds()))


def forget(response: HttpResponseBase) -> None:
    """Delete the cookie, because its token is no longer valid."""
    _set(response, "", max_age=0)


def _set(response: HttpResponseBase, value: str, *, max_age: int) -> None:
    response.set_cookie(
        settings.REFRESH_COOKIE_NAME,
        value,
        max_age=max_age,
        # `__Host-` wants the whole site as the path. So a sibling subdomain can't set this cookie.
        path="/",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Strict",
    )
