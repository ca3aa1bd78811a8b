"""Set up middleware, URLs and templates."""

from config.settings.base import BASE_DIR, BRAND_DIR, DEMO
from config.settings.metrics import TRACING

MIDDLEWARE = [
    "config.middleware.RequestIdMiddleware",
    "config.headers.SecurityHeadersMiddleware",
    "config.health.HealthMiddleware",
    *(["config.tracing.TracingMiddleware"] if TRACING else []),
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
    # Requests without a session skip the middleware below.
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
]

ROOT_URLCONF = "demo.urls" if DEMO else "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [*([BRAND_DIR / "templates"] if BRAND_DIR else []), BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context_processors.site",
                *(["demo.context_processors.demo"] if DEMO else []),
            ],
            "libraries": {"brand": "accounts.mail.brand_tags"},
        },
    },
]
