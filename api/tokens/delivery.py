"""Where a refresh token travels: in the body, or in a cookie that no script can read.

Cookie delivery is for a same-site browser frontend: it asks with `X-Token-Delivery: cookie`, a
header that a foreign page can't send without a preflight, and its `Origin` must be one of ours
(RFC 10017 §6; SameSite alone lets sibling subdomains in).
"""

from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from api.exceptions import OriginRefused

HEADER = "X-Token-Delivery"


def by_cookie(request: Request) -> bool:
    """Does the caller want the cookie? Raises `OriginRefused` for a page that isn't ours."""
    if request.headers.get(HEADER, "") != "cookie":
        return False
    if request.headers.get("Origin") not in {settings.SITE_URL, *settings.FRONTEND_ORIGINS}:
        raise OriginRefused
    return True


def cookie(request: Request) -> str:
    """The refresh token that the browser sent along."""
    return request.COOKIES.get(settings.REFRESH_COOKIE_NAME, "") if by_cookie(request) else ""


def respond(request: Request, pair: dict[str, Any]) -> Response:
    """The pair, its refresh token where the caller wants it."""
    if not by_cookie(request):
        return Response(pair)
    body = {name: value for name, value in pair.items() if name != "refresh"}
    response = Response(body)
    response.set_cookie(
        settings.REFRESH_COOKIE_NAME,
        pair["refresh"],
        max_age=int(settings.REFRESH_TOKEN_LIFETIME.total_seconds()),
        # `__Host-` demands the whole site as its path: a sibling subdomain can't plant one.
        path="/",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Strict",
    )
    return response


def forget(response: Response) -> None:
    """After a sign-out."""
    response.set_cookie(
        settings.REFRESH_COOKIE_NAME,
        "",
        max_age=0,
        path="/",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Strict",
    )
