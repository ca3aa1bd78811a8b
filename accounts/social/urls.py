"""The way to each configured provider and back. A provider that isn't configured has no pages."""

from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.urls import URLPattern, path

from accounts.social.oauth2 import StrictProvider
from accounts.social.provider import provider_classes


def _there_and_back(provider: type[StrictProvider]) -> list[URLPattern]:
    name, adapter = provider.id, provider.oauth2_adapter_class
    there, back = OAuth2LoginView.adapter_view(adapter), OAuth2CallbackView.adapter_view(adapter)
    return [
        path(f"{name}/login/", there, name=f"{name}_login"),
        path(f"{name}/login/callback/", back, name=f"{name}_callback"),
    ]


urlpatterns = [route for provider in provider_classes for route in _there_and_back(provider)]
