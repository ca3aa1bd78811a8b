"""Map paths to views: pages, API, allauth's headless API, admin."""

from collections.abc import Callable

from allauth.account import urls as account_urls
from allauth.account.models import EmailAddress
from allauth.headless import urls as headless_urls
from allauth.mfa.models import Authenticator
from allauth.socialaccount import urls as socialaccount_urls
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.http import HttpResponseBase
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from accounts.pages import allauth_urls, brand_views, transactions
from accounts.pages.passkey_entrance import passkey_endpoints
from accounts.routes import for_machines
from api.urls import headless, well_known_urlpatterns
from config import errors, languages

handler400 = errors.handler400
handler403 = errors.handler403
handler404 = errors.handler404
handler429 = errors.handler429
handler500 = errors.handler500

# The environment configures providers, and the site stores none of their tokens. The admin's page
# of a user shows its addresses and connections, read-only.
admin.site.unregister([Authenticator, EmailAddress, SocialAccount, SocialApp, SocialToken])

for each in (allauth_urls, account_urls, socialaccount_urls, headless_urls):
    transactions.protect(each.urlpatterns)


def _led_to(name: str) -> Callable[..., HttpResponseBase]:
    """Redirect to the page of this name, by GET only: `RedirectView` would turn a POST into a GET."""
    view = RedirectView.as_view(pattern_name=name, http_method_names=["get", "head"])
    return csrf_exempt(view)  # other methods get 405


urlpatterns = [
    for_machines(path("api/", include("api.urls"))),  # first, because most requests go here
    path("", _led_to("accounts:home"), name="root"),
    path("accounts/", include("accounts.pages.urls")),
    path("accounts/", include("accounts.pages.allauth_urls")),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/", include("accounts.federation.urls")),
    path("accounts/3rdparty/", include("allauth.socialaccount.urls")),
    # The site has no sign-in by phone, but allauth's views for it don't check that.
    path("_allauth/<str:client>/v1/account/phone", errors.not_found),
    path("_allauth/<str:client>/v1/auth/phone/<path:step>", errors.not_found),
    for_machines(path("_allauth/", headless())),
    # "View on site", which no model has. It fails on keys that are UUIDs.
    path("admin/r/<path:key>", errors.not_found),
    path("admin/", admin.site.urls),
    path("brand/<str:version>.css", brand_views.style_sheet, name="brand"),
    path("i18n/setlang/", languages.set_language, name="set_language"),
    for_machines(path(".well-known/", include(well_known_urlpatterns))),
    path(".well-known/change-password", _led_to("account_change_password")),
    path(".well-known/passkey-endpoints", passkey_endpoints),
]
