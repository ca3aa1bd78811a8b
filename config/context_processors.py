"""What every page's frame needs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """The product's name, whether demo tools are on, and how this browser signed in last."""
    return {
        "site_name": settings.SITE_NAME,
        "demo": settings.DEMO,
        "last_used": request.COOKIES.get(settings.LAST_USED_COOKIE_NAME, ""),
    }
