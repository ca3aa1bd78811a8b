"""All settings, all environments: the environment differs, the code does not.

The only file that reads the environment; `.env.example` explains every variable. Secrets have no
default: the process refuses to start and names the missing one.
"""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.utils.translation import gettext_lazy as _

from config import database, demo_accounts, embedded, providers, redis
from config.logs import logging_config

# Paths and environment

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))

DEMO = env.bool("DEMO", default=False)
DEBUG = env.bool("DEBUG", default=False)
PORT = env.int("PORT", default=8000)
DEMO_PORT = env.int("DEMO_PORT", default=8001)
VAR_DIR = BASE_DIR / (env.str("VAR_DIR", default="") or "var")
VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

# Core

SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
SESSION_ID_KEY = env.str("SESSION_ID_KEY")
DATA_ENCRYPTION_KEYS: list[str] = env.list("DATA_ENCRYPTION_KEYS")

SITE_URL = env.str("SITE_URL", default="") or f"http://localhost:{PORT}"
SITE_NAME = "Munjigi"
HTTPS = urlsplit(SITE_URL).scheme == "https"
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
ALLOWED_HOSTS = [urlsplit(SITE_URL).hostname or "", *env.list("ALLOWED_HOSTS", default=[])]
FRONTEND_ORIGINS: list[str] = env.list("FRONTEND_ORIGINS", default=[]) or (
    [f"http://localhost:{DEMO_PORT}"] if DEMO else []
)
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Providers

KAKAO_APP_ID = env.str("KAKAO_APP_ID", default="")
PROVIDER_CLIENTS = {
    "google": providers.Client(
        env.str("GOOGLE_CLIENT_ID", default=""),
        env.str("GOOGLE_CLIENT_SECRET", default=""),
        env.list("GOOGLE_NATIVE_CLIENT_IDS", default=[]),
    ),
    "kakao": providers.Client(
        env.str("KAKAO_CLIENT_ID", default=""),
        env.str("KAKAO_CLIENT_SECRET", default=""),
        env.list("KAKAO_NATIVE_APP_KEY", default=[]),
        # A check names what isn't a number.
        int(KAKAO_APP_ID) if KAKAO_APP_ID.isdecimal() else 0,
        env.str("KAKAO_ADMIN_KEY", default=""),
    ),
    "naver": providers.Client(
        env.str("NAVER_CLIENT_ID", default=""), env.str("NAVER_CLIENT_SECRET", default="")
    ),
}
PROVIDER_STANDINS = providers.standins(PROVIDER_CLIENTS, demo_port=DEMO_PORT) if DEMO else {}
SOCIALACCOUNT_PROVIDERS, PROVIDER_ORIGINS = providers.configure(
    PROVIDER_CLIENTS, standins=PROVIDER_STANDINS
)

# Apps

INSTALLED_APPS = [
    "config",
    "accounts",
    "api",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "accounts.social",
    "allauth.headless",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "corsheaders",
    "django_tasks",
    "django_tasks_db",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
]

# Middleware

MIDDLEWARE = [
    "config.middleware.RequestIdMiddleware",
    "config.health.HealthMiddleware",
    "config.middleware.RequestLogMiddleware",
    "config.middleware.SecurityHeadersMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.middleware.CanonicalHostMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "config.middleware.BodyMiddleware",
    "api.throttling.ThrottleMiddleware",
    "config.middleware.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    # Requests without a session go no further.
    "api.middleware.StatelessMiddleware",
    "accounts.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.AuthSessionMiddleware",
    # Nor do calls that only read.
    "api.middleware.ReadingMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

# URLs and templates

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context_processors.site",
            ],
        },
    },
]

# Database

DATABASES = {
    "default": database.configure(
        env.str("DATABASE_URL", default="") or f"sqlite:///{VAR_DIR / 'db.sqlite3'}"
    )
}
# Silences the check that asks for TLS to a PostgreSQL on another machine.
DATABASE_NETWORK_IS_PRIVATE = env.bool("DATABASE_NETWORK_IS_PRIVATE", default=False)

# Redis and sessions

REDIS_URL = env.str("REDIS_URL", default="")
REDIS_SENTINELS: list[str] = env.list("REDIS_SENTINELS", default=[])
REDIS_IS_EMBEDDED = not (REDIS_URL or REDIS_SENTINELS)
# How many replicas must have a sign-in before the visitor is told; milliseconds to wait for them.
REDIS_REPLICA_ACKS = env.int("REDIS_REPLICA_ACKS", default=1 if REDIS_SENTINELS else 0)
REDIS_REPLICA_ACK_MS = env.int("REDIS_REPLICA_ACK_MS", default=400)
CACHES = redis.caches(
    REDIS_URL or f"unix://{embedded.socket_path(VAR_DIR)}",
    env.str("REDIS_CACHE_URL", default=""),
    sentinels=redis.Sentinels(
        REDIS_SENTINELS,
        master_name=env.str("REDIS_MASTER_NAME", default="munjigi"),
        username=env.str("REDIS_USERNAME", default=""),
        password=env.str("REDIS_PASSWORD", default=""),
        sentinel_password=env.str("SENTINEL_PASSWORD", default=""),
        tls=env.bool("REDIS_TLS", default=False),
    )
    if REDIS_SENTINELS
    else None,
    # WAIT answers late on purpose.
    answer_seconds=max(redis.ANSWER_SECONDS, REDIS_REPLICA_ACK_MS / 1000 + 0.5),
)
# Pub/sub knows no databases: two sites on one server would ring each other's bells.
REVOCATION_CHANNEL = f"munjigi:revocations:{redis.database_number(CACHES['default']['LOCATION'])}"
SESSION_ENGINE = "accounts.session_store"
SESSION_CACHE_ALIAS = "sessions"
SESSION_STORE_DEADLINE_SECONDS = env.float("SESSION_STORE_DEADLINE_SECONDS", default=6.0)
SESSION_STORE_WAITERS = env.int("SESSION_STORE_WAITERS", default=4)
SESSION_ENDED_VIEW = "config.errors.session_ended"
TOO_LARGE_VIEW = "config.errors.too_large"
STORE_UNAVAILABLE_VIEW = "config.errors.store_unavailable"
CONFLICT_VIEW = "config.errors.conflict"
ACCOUNT_EXISTS_VIEW = "config.errors.account_exists"
PROVIDER_UNAVAILABLE_VIEW = "config.errors.provider_unavailable"
TOO_MANY_REQUESTS_VIEW = "config.errors.too_many_requests"
# Of a session that nobody has signed in with: a sign-up or a social sign-in under way.
ANONYMOUS_SESSION_AGE = 3600
# Only "Stay signed in" outlives the browser; the server ends sessions by these and by
# AUTH_SESSION_LIFETIME, whatever the cookie says.
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_IDLE_SECONDS = SESSION_COOKIE_AGE = env.int("SESSION_IDLE_SECONDS", default=14 * 86400)
SESSION_SHORT_IDLE_SECONDS = env.int("SESSION_SHORT_IDLE_SECONDS", default=12 * 3600)

# Auth and allauth

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.AuthenticationBackend"]
# auth.W004 wants `unique=True` on the e-mail; the model has UniqueConstraint(Lower("email")).
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
PASSWORD_HASHERS = ["accounts.hashers.Argon2idPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.validators.PasswordLengthValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "display_name")},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
REFUSED_EMAILS = set() if DEMO else {account.email for account in demo_accounts.ALL}
LOGIN_REDIRECT_URL = "accounts:home"

ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = urlsplit(SITE_URL).scheme
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{SITE_NAME}] "
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_FORMS = {
    "change_password": "accounts.forms.ChangePasswordForm",
    "login": "accounts.forms.LoginForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
    "set_password": "accounts.forms.SetPasswordForm",
    "signup": "accounts.forms.SignupForm",
}
# No door of its own: a mailed code only proves an account that a provider's is to be linked to.
ACCOUNT_LOGIN_BY_CODE_ENABLED = False
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 600
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_PREVENT_ENUMERATION = True
# Accounts without a password confirm by a mailed code. allauth can't ask their provider again.
ACCOUNT_REAUTHENTICATION_METHODS = {"password", "code"}
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_DISPLAY = "accounts.models.user_display"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None

SOCIALACCOUNT_ADAPTER = "accounts.adapters.SocialAccountAdapter"
# Off: an e-mail that a provider vouches for never opens an existing account by itself; the
# visitor proves that account once (`accounts.social.linking`).
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_FORMS = {"disconnect": "accounts.social.disconnection.DisconnectForm"}

HEADLESS_TOKEN_STRATEGY = "api.headless.TokenStrategy"  # noqa: S105 - a class
HEADLESS_SERVE_SPECIFICATION = False

# REST and tokens

API_PREFIX = "/api/"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.authentication.BearerAuthentication",
        "api.authentication.CookieAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.negotiation.ContentNegotiation",
    "DEFAULT_PARSER_CLASSES": ["api.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "api.pagination.NewestFirst",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "api.exceptions.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "NUM_PROXIES": TRUSTED_PROXY_COUNT,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Munjigi API",
    "DESCRIPTION": "Tokens, profile and signed-in devices. Errors are RFC 9457 problem details.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": ["api.schema.add_problem_responses"],
    "COMPONENT_SPLIT_REQUEST": True,
}
API_AUDIENCE = env.str("API_AUDIENCE", default="") or SITE_URL
ACCESS_TOKEN_LIFETIME = timedelta(seconds=env.int("ACCESS_TOKEN_SECONDS", default=3600))
REFRESH_TOKEN_LIFETIME = timedelta(seconds=env.int("REFRESH_TOKEN_SECONDS", default=14 * 86400))
AUTH_SESSION_LIFETIME = timedelta(seconds=env.int("AUTH_SESSION_SECONDS", default=90 * 86400))
REVOCATION_MAX_STALE = env.float("REVOCATION_MAX_STALE_SECONDS", default=60.0)
REFRESH_REQUIRES_ACCESS_TOKEN = env.bool("REFRESH_REQUIRES_ACCESS_TOKEN", default=False)
API_CLIENTS: dict[str, str] = env.dict("API_CLIENTS", default={})
REFRESH_GRACE = timedelta(seconds=env.int("REFRESH_GRACE_SECONDS", default=60))
SIGNING_KEY_LEAD = timedelta(seconds=env.int("SIGNING_KEY_LEAD_SECONDS", default=3600))
SIGNING_KEY_LIFETIME = timedelta(
    seconds=env.int("SIGNING_KEY_LIFETIME_SECONDS", default=90 * 86400)
)
SIGNING_ALGORITHM = env.str("SIGNING_ALGORITHM", default="ES256")

# CORS, CSRF, cookies

CORS_ALLOWED_ORIGINS = FRONTEND_ORIGINS
CORS_ALLOW_CREDENTIALS = True
CORS_URLS_REGEX = r"^/(api|_allauth|\.well-known)/"
CORS_ALLOW_METHODS = ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"]
CORS_ALLOW_HEADERS = [
    "accept",
    "accept-language",
    "authorization",
    "content-type",
    "x-csrftoken",
    "x-email-verification-key",
    "x-password-reset-key",
    "x-request-id",
    "x-requested-with",
    "x-session-token",
    "x-token-delivery",
]
CORS_EXPOSE_HEADERS = [
    "Deprecation",
    "Link",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
]
CORS_PREFLIGHT_MAX_AGE = 7200  # Chromium's cap; Firefox would take a day.

CSRF_TRUSTED_ORIGINS = FRONTEND_ORIGINS
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"
COOKIE_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}session"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrf"
REFRESH_COOKIE_NAME = f"{COOKIE_PREFIX}refresh"
LANGUAGE_COOKIE_NAME = f"{COOKIE_PREFIX}language"
# Which provider this browser signed in by last: a word, no person.
LAST_USED_COOKIE_NAME = f"{COOKIE_PREFIX}last-used"
LAST_USED_COOKIE_AGE = int(timedelta(days=365).total_seconds())
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = int(timedelta(days=365).total_seconds())
# The default storage puts the message into a cookie of its own.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Security headers

CONTENT_SECURITY_POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    # Chromium applies form-action to the redirect that answers the form, too.
    "form-action": ["'self'", *PROVIDER_ORIGINS],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
}
FORBIDDEN_FEATURES = ["camera", "display-capture", "geolocation", "microphone", "payment", "usb"]
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None

# Internationalisation

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ko", _("Korean"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.str("TIME_ZONE", default="Asia/Seoul")
USE_TZ = True

# Static files

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_HASHED = env.bool("STATIC_HASHED", default=not DEMO)
# Looked up when asked for: read ahead, each handler would look at every file of every app.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not STATIC_HASHED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_HASHED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# E-mail

EMAIL_FILE_PATH = VAR_DIR / "mail"
_email = env.email_url("EMAIL_URL", default="filemail://" if DEMO else "consolemail://")
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
EMAIL_HOST = _email.get("EMAIL_HOST", "")
EMAIL_PORT = _email.get("EMAIL_PORT")
EMAIL_HOST_USER = _email.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = _email.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = _email.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _email.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Munjigi <no-reply@localhost>")
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}

# Logging

LOGGING = logging_config(
    log_format=env.str("LOG_FORMAT", default="console" if DEMO else "json"),
    level=env.str("LOG_LEVEL", default="WARNING" if DEMO else "INFO"),
)
LOGGING_CONFIG = "config.logs.configure"
