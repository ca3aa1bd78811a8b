"""Give all templates the variables that every page needs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """Return the site's name, whether the demo is on, and what this browser chose last."""
    return {
        "site_name": settings.SITE_NAME,
        "demo": settings.DEMO,
        "last_used": request.COOKIES.get(settings.LAST_USED_COOKIE_NAME, ""),
        "stays": request.COOKIES.get(settings.STAY_COOKIE_NAME) == "1",
    }
