"""Show and end the connections of a provider that is no longer set up here. Nothing else works."""

from allauth.socialaccount.providers.base.provider import Provider, ProviderAccount
from django.http import HttpRequest

DOORS = {"socialaccount_connections", "manage_providers"}
"""The page and the API that list connections and end them, by route name."""


class FormerProvider(Provider):
    uses_apps = False
    account_class = ProviderAccount

    def __init__(self, request: HttpRequest, name: str) -> None:
        super().__init__(request)
        self.id = self.name = name
