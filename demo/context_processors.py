"""Add demo data to the context of the site's templates."""

from typing import Any

from django.http import HttpRequest

from demo import accounts


def demo(request: HttpRequest) -> dict[str, Any]:
    """Return the demo accounts with their passwords, for the sign-in page."""
    return {"demo_accounts": accounts.ALL}
