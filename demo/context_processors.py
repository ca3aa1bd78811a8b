"""What the pages of a demo show beside the site's own."""

from typing import Any

from django.http import HttpRequest

from demo import accounts


def demo(request: HttpRequest) -> dict[str, Any]:
    """The demo accounts, which the sign-in page lists with their passwords."""
    return {"demo_accounts": accounts.ALL}
