"""allauth's Google provider, refusing what its token parser trips over."""

from typing import Any

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.google import provider as stock
from django.http import HttpRequest


class GoogleProvider(stock.GoogleProvider):
    package = "allauth.socialaccount.providers.google"

    def verify_token(self, request: HttpRequest, token: dict[str, Any]) -> Any:
        """A native app's sign-in. A header without `kid` is a KeyError in allauth's parser."""
        try:
            return super().verify_token(request, token)
        except (KeyError, TypeError, ValueError) as exc:
            raise get_adapter().validation_error("invalid_token") from exc
