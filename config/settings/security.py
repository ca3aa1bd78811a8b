"""Set up other origins, cookies and security headers."""

from datetime import timedelta

from config.settings.base import FRONTEND_ORIGINS, HTTPS, SITE_URL, TRUSTED_PROXY_COUNT, env
from config.settings.live import EVENTS_ORIGIN
from config.settings.providers import PROVIDER_ORIGINS

# CORS, CSRF, cookies

CORS_ALLOWED_ORIGINS = FRONTEND_ORIGINS
CORS_ALLOW_CREDENTIALS = True
CORS_ALLOW_METHODS = ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"]
CORS_ALLOW_HEADERS = [
    "accept",
    "accept-language",
    "authorization",
    "baggage",
    "content-type",
    "idempotency-key",
    "sentry-trace",
    "traceparent",
    "tracestate",
    "x-csrftoken",
    "x-email-verification-key",
    "x-invitation",
    "x-password-reset-key",
    "x-request-id",
    "x-requested-with",
    "x-session-token",
    "x-token-delivery",
    *env.list("CORS_ALLOW_HEADERS", default=[]),
]
CORS_EXPOSE_HEADERS = [
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
]
CORS_PREFLIGHT_MAX_AGE = 7200  # Chromium's maximum; Firefox allows a day.

# No frontend on another origin can read a CSRF token, so none sends one: they use tokens.
CSRF_TRUSTED_ORIGINS: list[str] = []
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"
COOKIE_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}session"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrf"
REFRESH_COOKIE_NAME = f"{COOKIE_PREFIX}refresh"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}language"
# Keeps the name of the provider that this browser used last, and nothing about the user.
LAST_USED_COOKIE_NAME = f"{COOKIE_PREFIX}last-used"
LAST_USED_COOKIE_AGE = int(timedelta(days=365).total_seconds())
# That this browser has signed in to an account before: its wrong passwords are counted apart.
DEVICE_COOKIE_NAME = f"{COOKIE_PREFIX}device"
DEVICE_COOKIE_AGE = int(timedelta(days=365).total_seconds())
# That this browser has offered a passkey.
OFFER_COOKIE_NAME = f"{COOKIE_PREFIX}passkey-offer"
OFFER_COOKIE_AGE = int(timedelta(days=365).total_seconds())
# Whether this browser chose "Stay signed in" last.
TRUSTED_COOKIE_NAME = f"{COOKIE_PREFIX}trusted"
STAY_COOKIE_NAME = f"{COOKIE_PREFIX}stay"
STAY_COOKIE_AGE = int(timedelta(days=365).total_seconds())
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = int(timedelta(days=365).total_seconds())
# Django's default storage puts messages into another cookie.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Security headers

CONTENT_SECURITY_POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'", *([EVENTS_ORIGIN] if EVENTS_ORIGIN != SITE_URL else [])],
    # Chromium also applies form-action to the redirect after the form. A site on https names no
    # plain-http origin. The demo's stand-ins are such, so their buttons work on http only.
    "form-action": [
        "'self'",
        *(origin for origin in PROVIDER_ORIGINS if not HTTPS or origin.startswith("https://")),
    ],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
}
FORBIDDEN_FEATURES = ["camera", "display-capture", "geolocation", "microphone", "payment", "usb"]
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
# Of every answer. The site's nginx says the same of answers that are its own.
SECURITY_HEADERS = {
    "Content-Security-Policy": "; ".join(
        f"{directive} {' '.join(sources)}" for directive, sources in CONTENT_SECURITY_POLICY.items()
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{name}=()" for name in FORBIDDEN_FEATURES),
    "Referrer-Policy": SECURE_REFERRER_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
if HTTPS:
    SECURITY_HEADERS["Strict-Transport-Security"] = (
        f"max-age={SECURE_HSTS_SECONDS}; includeSubDomains; preload"
    )
