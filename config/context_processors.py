"""What every page's frame needs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from config import demo_accounts


def site(request: HttpRequest) -> dict[str, Any]:
    """The product's name, and whether demo tools are on."""
    return {
        "site_name": settings.SITE_NAME,
        "demo": settings.DEMO,
        "demo_accounts": demo_accounts.ALL if settings.DEMO else (),
    }
