"""Route the API's paths. No other module spells them."""

from typing import Any

from allauth.headless import urls as allauth_headless
from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView

from accounts import routes
from accounts.routes import Statements
from api import forward_auth
from api.signin import enrolment, inputs, stepup, webauthn
from api.views import (
    account,
    activity,
    codes,
    denials,
    documentation,
    events,
    legacy,
    passkeys,
    revocations,
    services,
    sessions,
    tokens,
    trusted_browsers,
    well_known,
)

app_name = "api"

urlpatterns = [
    path("token/", tokens.TokenObtainView.as_view(), name="token-obtain"),
    path("token/mfa/", tokens.TokenSecondStepView.as_view(), name="token-mfa"),
    path(
        "token/passkey/options/",
        passkeys.TokenPasskeyOptionsView.as_view(),
        name="token-passkey-options",
    ),
    path("token/passkey/", passkeys.TokenPasskeyView.as_view(), name="token-passkey"),
    path("token/social/", tokens.TokenSocialView.as_view(), name="token-social"),
    path("token/exchange/", legacy.TokenExchangeView.as_view(), name="token-exchange"),
    path("token/refresh/", tokens.TokenRefreshView.as_view(), name="token-refresh"),
    path("token/service/", services.ServiceTokenView.as_view(), name="token-service"),
    path("token/verify/", tokens.TokenVerifyView.as_view(), name="token-verify"),
    path("token/introspect/", tokens.TokenIntrospectView.as_view(), name="token-introspect"),
    path("token/revoke/", tokens.TokenRevokeView.as_view(), name="token-revoke"),
    path("revocations/", revocations.RevocationListView.as_view(), name="revocation-list"),
    path("verify", forward_auth.VerifyView.as_view(), name="verify"),
    path(
        "verify/services",
        forward_auth.VerifyView.as_view(accepts_services=True),
        name="verify-services",
    ),
    path("me/", account.MeView.as_view(), name="me"),
    path("me/data/", account.DataView.as_view(), name="me-data"),
    path("activity/", activity.ActivityListView.as_view(), name="activity-list"),
    path("activity/<int:id>/denial/", denials.EventDenialView.as_view(), name="activity-denial"),
    path("events/ticket/", events.EventTicketView.as_view(), name="event-ticket"),
    path("sessions/", sessions.SessionListView.as_view(), name="session-list"),
    path("sessions/<uuid:sid>/", sessions.SessionDetailView.as_view(), name="session-detail"),
    path(
        "sessions/<uuid:sid>/denial/",
        denials.SessionDenialView.as_view(),
        name="session-denial",
    ),
    path(
        "trusted-browsers/",
        trusted_browsers.TrustedBrowserListView.as_view(),
        name="trusted-browser-list",
    ),
    path(
        "trusted-browsers/<uuid:id>/",
        trusted_browsers.TrustedBrowserDetailView.as_view(),
        name="trusted-browser-detail",
    ),
    path(
        "schema/",
        SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[]),
        name="schema",
    ),
    path("docs/", documentation.DocumentationView.as_view(), name="docs"),
]

if settings.SIGN_IN_BY_CODE:
    urlpatterns += [
        path("token/code/", codes.TokenCodeView.as_view(), name="token-code"),
        path(
            "token/code/confirm/", codes.TokenCodeConfirmView.as_view(), name="token-code-confirm"
        ),
    ]

well_known_urlpatterns = [
    path("assetlinks.json", well_known.android_apps, name="android-apps"),
    path("apple-app-site-association", well_known.apple_apps, name="apple-apps"),
    path("jwks.json", well_known.jwks, name="jwks"),
    path(
        "oauth-authorization-server",
        well_known.authorization_server,
        name="oauth-authorization-server",
    ),
]

ALLAUTHS: dict[str, Statements] = {
    **dict.fromkeys(
        (
            *("config", "login", "refresh", "signup", "request_password_reset", "reset_password"),
            *("request_login_code", "login_webauthn", "signup_webauthn"),
        ),
        Statements(needs_no_token=True),
    ),
    "provider_token": {"may_connect": True},
    # A browser posts a form here, and goes on to the provider.
    "redirect_to_provider": {"reads_json": False},
}
"""The attributes of `accounts.routes` for allauth's views, by the names of their URLs."""


def headless() -> Any:
    """Return the routes of allauth's headless API, with our inputs and marks on its views."""
    inputs.install()
    stepup.install()
    webauthn.install()
    patterns: list[URLPattern | URLResolver] = [
        *stepup.urlpatterns(),
        *enrolment.urlpatterns(),
        *webauthn.urlpatterns(),
        *allauth_headless.urlpatterns,
    ]
    for route in routes.views_in(patterns):
        statements: Statements = {"reads_json": True, **ALLAUTHS.get(str(route.name), {})}
        routes.mark(**statements)(route.callback)
    return include((patterns, allauth_headless.app_name))
