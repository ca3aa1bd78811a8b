"""What every page's frame needs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """The product's name, and whether demo tools are on."""
    return {"site_name": settings.SITE_NAME, "demo": settings.DEMO}
