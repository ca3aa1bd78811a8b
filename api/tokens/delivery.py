"""Deliver a refresh token in the body, or in a cookie that no script can read.

Cookie delivery is for a same-site browser frontend. It asks with `X-Token-Delivery: cookie`, a
header that a foreign page can't send without a preflight, and its `Origin` must be one of ours
(RFC 10017 §6): SameSite alone lets sibling subdomains in.
"""

import logging
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from api.exceptions import OriginRefused

HEADER = "X-Token-Delivery"

log = logging.getLogger(__name__)


def by_cookie(request: Request) -> bool:
    """Tell whether the caller wants the cookie. Raises `OriginRefused` for a page that isn't ours."""
    if request.headers.get(HEADER, "") != "cookie":
        return False
    if request.headers.get("Origin") not in {settings.SITE_URL, *settings.FRONTEND_ORIGINS}:
        log.warning("refused a cookie call from another origin")
        raise OriginRefused
    return True


def cookie(request: Request) -> str:
    """Return the refresh token in the browser's cookie, or ''."""
    return request.COOKIES.get(settings.REFRESH_COOKIE_NAME, "") if by_cookie(request) else ""


def respond(request: Request, pair: dict[str, Any]) -> Response:
    """Answer with the pair. The refresh token goes where the caller wants it."""
    if not by_cookie(request):
        return Response(pair)
    body = {name: value for name, value in pair.items() if name != "refresh"}
    response = Response(body)
    response.set_cookie(
        settings.REFRESH_COOKIE_NAME,
        pair["refresh"],
        max_age=int(settings.REFRESH_TOKEN_LIFETIME.total_seconds()),
        # `__Host-` wants the whole site as the path. So a sibling subdomain can't set this cookie.
        path="/",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Strict",
    )
    return response


def forget(response: Response) -> None:
    """Delete the cookie: its token is worth nothing any more."""
    response.set_cookie(
        settings.REFRESH_COOKIE_NAME,
        "",
        max_age=0,
        path="/",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Strict",
    )
