"""Route to each configured provider and back. A provider that isn't configured has no pages."""

from allauth.socialaccount.providers.oauth2.views import OAuth2LoginView
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from accounts.federation.callback import CallbackView
from accounts.federation.endings import report_views
from accounts.federation.provider import provider_classes
from accounts.federation.providers.base import StrictProvider

REPORTS = {
    "google": [
        path("google/security-events/", report_views.google_events, name="google_security_events")
    ],
    "kakao": [
        path("kakao/unlinked/", report_views.kakao_unlinked, name="kakao_unlinked"),
        path("kakao/security-events/", report_views.kakao_events, name="kakao_security_events"),
    ],
}
"""The routes of the providers' reports."""


def _there_and_back(provider: type[StrictProvider]) -> list[URLPattern]:
    name, adapter = provider.id, provider.oauth2_adapter_class
    # allauth starts at the provider for every method but GET.
    there = require_http_methods(["GET", "POST"])(OAuth2LoginView.adapter_view(adapter))
    # A provider sends the browser back by GET. Another method would use up the state.
    # It needs no CSRF token, so that other methods get 405.
    back = csrf_exempt(require_GET(CallbackView.adapter_view(adapter)))  # type: ignore[no-untyped-call]  # allauth's
    return [
        path(f"{name}/login/", there, name=f"{name}_login"),
        path(f"{name}/login/callback/", back, name=f"{name}_callback"),
    ]


urlpatterns = [
    *(route for provider in provider_classes for route in _there_and_back(provider)),
    *(route for provider in provider_classes for route in REPORTS.get(provider.id, [])),
]
