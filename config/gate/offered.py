"""Decide once whether the gate may answer: only on a site whose requests Django treats as the gate does."""

from django.conf import settings
from django.urls import Resolver404, resolve
from structlog import get_logger

from config.gate import views

KNOWN = {
    "config.middleware.RequestIdMiddleware",
    "config.headers.SecurityHeadersMiddleware",
    "config.health.HealthMiddleware",
    "config.tracing.TracingMiddleware",
    "config.middleware.RequestLogMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.incoming.AddressMiddleware",
    "config.methods.MethodMiddleware",
    "config.middleware.CanonicalHostMiddleware",
    "config.headers.HttpsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.CorsMiddleware",
    "config.bodies.BodyMiddleware",
    "config.middleware.ThrottleMiddleware",
    "config.middleware.LocaleMiddleware",
    "config.middleware.CommonMiddleware",
    "api.middleware.StatelessMiddleware",
    "config.incoming.CookieMiddleware",
    "config.middleware.OnceMiddleware",
    "config.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.pages.middleware.AuthSessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.pages.signed_out.SignedOutMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.middleware.ErrorMiddleware",
}
"""The middleware whose work the gate does, too, or which has none at its addresses."""

log = get_logger()


def is_offered() -> bool:
    """Return True if the site has only middleware and views that the gate stands in for. Logs why not.

    A team may add a middleware that refuses some callers, put its own view at an address, or remove one: then
    Django answers everything.
    """
    others = [name for name in settings.MIDDLEWARE if name not in KNOWN]
    others += [path for path in views.BY_PATH if not _is_ours(path)]
    if others:
        log.warning("gate_is_off", unknown=others)
    return not others


def _is_ours(path: str) -> bool:
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    return getattr(view, "view_class", view).__module__.partition(".")[0] == "api"
