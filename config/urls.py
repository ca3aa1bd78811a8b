"""Where everything lives."""

from collections.abc import Callable

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.http import HttpResponseBase
from django.urls import include, path
from django.views.generic import RedirectView

from accounts.routes import for_machines
from api.urls import headless, well_known_urlpatterns
from config import errors

handler400 = errors.handler400
handler403 = errors.handler403
handler404 = errors.handler404
handler429 = errors.handler429
handler500 = errors.handler500

# Providers are configured in the environment, their tokens are never stored, and an account's
# addresses and connections are shown, read-only, on its user's page.
admin.site.unregister([EmailAddress, SocialAccount, SocialApp, SocialToken])


def _led_to(name: str) -> Callable[..., HttpResponseBase]:
    """Redirect to the page of this name, by GET only: `RedirectView` would turn a POST into a GET."""
    return RedirectView.as_view(pattern_name=name, http_method_names=["get", "head"])


urlpatterns = [
    for_machines(path("api/", include("api.urls"))),  # first: asked for most
    path("", _led_to("accounts:home"), name="root"),
    path("accounts/", include("accounts.pages.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/", include("accounts.federation.urls")),
    path("accounts/3rdparty/", include("allauth.socialaccount.urls")),
    # Sign-in by phone isn't offered, and allauth's views for it assume that it is.
    path("_allauth/<str:client>/v1/account/phone", errors.not_found),
    path("_allauth/<str:client>/v1/auth/phone/<path:step>", errors.not_found),
    for_machines(path("_allauth/", headless())),
    # "View on site", which no model has. It fails on keys that are UUIDs.
    path("admin/r/<path:key>", errors.not_found),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    for_machines(path(".well-known/", include(well_known_urlpatterns))),
    path(".well-known/change-password", _led_to("account_change_password")),
]
