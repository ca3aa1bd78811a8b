"""Add demo data to the context of the site's templates."""

from typing import Any

from django.http import HttpRequest

from demo import accounts


def demo(request: HttpRequest) -> dict[str, Any]:
    """Return the demo accounts. The sign-in page lists them with their passwords."""
    return {"demo_accounts": accounts.ALL}
