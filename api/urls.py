"""The only place that spells the API's paths."""

from collections.abc import Iterable, Iterator
from typing import Any

from allauth.headless import urls as allauth_headless
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts import routes
from accounts.federation.limits import SOCIAL
from accounts.routes import Statements
from api import forward_auth
from api.signin import inputs
from api.views import account, sessions, tokens, well_known

app_name = "api"

urlpatterns = [
    path("token/", tokens.TokenObtainView.as_view(), name="token-obtain"),
    path("token/social/", tokens.TokenSocialView.as_view(), name="token-social"),
    path("token/refresh/", tokens.TokenRefreshView.as_view(), name="token-refresh"),
    path("token/verify/", tokens.TokenVerifyView.as_view(), name="token-verify"),
    path("token/introspect/", tokens.TokenIntrospectView.as_view(), name="token-introspect"),
    path("token/revoke/", tokens.TokenRevokeView.as_view(), name="token-revoke"),
    path("verify", forward_auth.view, name="verify"),
    path("me/", account.MeView.as_view(), name="me"),
    path("me/data/", account.DataView.as_view(), name="me-data"),
    path("sessions/", sessions.SessionListView.as_view(), name="session-list"),
    path("sessions/<uuid:sid>/", sessions.SessionDetailView.as_view(), name="session-detail"),
    path(
        "schema/",
        SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[]),
        name="schema",
    ),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(
            url_name="api:schema",
            authentication_classes=[],
            permission_classes=[],
            # OPTIONS would look for a template of its own.
            http_method_names=["get", "head"],
        ),
        name="docs",
    ),
]

well_known_urlpatterns = [
    path("jwks.json", well_known.jwks, name="jwks"),
    path(
        "oauth-authorization-server",
        well_known.authorization_server,
        name="oauth-authorization-server",
    ),
]

ALLAUTHS: dict[str, Statements] = {
    "provider_token": {"limit": SOCIAL},
    # A browser posts a form here, and goes on to the provider.
    "redirect_to_provider": {"limit": SOCIAL, "reads_json": False},
    "refresh": {"limit": tokens.TokenRefreshView.limit},
}
"""What allauth's views would state about themselves if they were ours, by the names of their URLs."""


def headless() -> Any:
    """Include allauth's headless API, whose views read JSON whatever the content type says."""
    inputs.install()
    for route in _views_in(allauth_headless.urlpatterns):
        statements: Statements = {"reads_json": True, **ALLAUTHS.get(str(route.name), {})}
        routes.mark(**statements)(route.callback)
    return include(allauth_headless)


def _views_in(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from _views_in(each.url_patterns)
        else:
            yield each
