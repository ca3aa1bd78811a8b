"""The way to each configured provider and back. A provider that isn't configured has no pages."""

from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.urls import URLPattern, path

from accounts.social.provider import provider_classes

urlpatterns: list[URLPattern] = []
for _provider in provider_classes:
    _adapter = _provider.oauth2_adapter_class
    urlpatterns += [
        path(
            f"{_provider.id}/login/",
            OAuth2LoginView.adapter_view(_adapter),
            name=f"{_provider.id}_login",
        ),
        path(
            f"{_provider.id}/login/callback/",
            OAuth2CallbackView.adapter_view(_adapter),
            name=f"{_provider.id}_callback",
        ),
    ]
