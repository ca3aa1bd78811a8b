"""Set up paths, secrets, addresses, apps, languages, static files and logs."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from config.addresses import origin
from config.logs import logging_config

# Allows a model in the name of Django's generic classes, as in `ListView[User]`.
django_stubs_ext.monkeypatch()

# Paths and environment

HIGHEST_PORT = 65535
BASE_DIR = Path(__file__).resolve().parents[2]


class Env(environ.Env):
    """Read variables as they are. django-environ takes `$word` for the name of another variable.

    Raises `ImproperlyConfigured` for a wrong value, and names the variable: Django shows that in one line.
    """

    @override
    def get_value(self, var: str, cast: Any = None, *args: Any, **kwargs: Any) -> Any:
        value = self.ENVIRON.get(var, "")
        if value.startswith("$"):  # a password; its error would show it
            return self.parse_value(value, cast)  # type: ignore[no-untyped-call]  # django-environ's
        try:
            return super().get_value(var, cast, *args, **kwargs)
        except ValueError:
            if cast not in {int, float}:
                raise
            raise ImproperlyConfigured(f"{var} must be a number") from None

    def port(self, var: str, default: int) -> int:
        number = self.int(var, default=default)
        if not 0 <= number <= HIGHEST_PORT:
            raise ImproperlyConfigured(f"{var} must be a port, a number up to {HIGHEST_PORT}")
        return number


env = Env()  # type: ignore[no-untyped-call]  # django-environ's
env.read_env(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))

DEMO = env.bool("DEMO", default=False)
DEBUG = env.bool("DEBUG", default=False)
PORT = env.port("PORT", default=8000)
DEMO_PORT = env.port("DEMO_PORT", default=8001)
# Threads of each process of the site: at most so many requests run at once.
SERVER_THREADS = env.int("SERVER_THREADS", default=8)
VAR_DIR = BASE_DIR / (env.str("VAR_DIR", default="") or "var")
VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

# Core

SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
SESSION_ID_KEY = env.str("SESSION_ID_KEY")
DATA_ENCRYPTION_KEYS: list[str] = env.list("DATA_ENCRYPTION_KEYS")

SITE_URL = origin(env.str("SITE_URL", default="") or f"http://localhost:{PORT}")
SITE_HOST = urlsplit(SITE_URL).hostname or ""
SITE_NAME = env.str("SITE_NAME", default="") or "Munjigi"
# A folder with templates, static files and texts that replace ours. None: there is none.
BRAND_DIR: Path | None = None
if _brand_dir := env.str("BRAND_DIR", default=""):
    BRAND_DIR = (BASE_DIR / _brand_dir).resolve()
    if not BRAND_DIR.is_dir():
        raise ImproperlyConfigured(f"BRAND_DIR={_brand_dir!r} is no folder.")
HTTPS = urlsplit(SITE_URL).scheme == "https"
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
ALLOWED_HOSTS = [SITE_HOST, *env.list("ALLOWED_HOSTS", default=[])]
FRONTEND_ORIGINS: list[str] = [
    origin(each)
    for each in env.list("FRONTEND_ORIGINS", default=[])
    or ([f"http://localhost:{DEMO_PORT}"] if DEMO else [])
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Apps

INSTALLED_APPS = [
    # Must be first, so that its `serve` replaces config's. A public site has no demo.
    *(["demo"] if DEMO else []),
    "config",
    "doctor",
    "accounts",
    "api",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "accounts.federation",
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
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
]

# Languages and times

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ko", _("Korean"))]
LOCALE_PATHS = [*([BRAND_DIR / "locale"] if BRAND_DIR else []), BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
TIME_ZONE = env.str("TIME_ZONE", default="Asia/Seoul")
USE_TZ = True

# Static files

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
# The first file of a name wins.
STATICFILES_DIRS = [
    folder for folder in [BRAND_DIR / "static" if BRAND_DIR else None] if folder and folder.is_dir()
]
STATIC_HASHED = env.bool("STATIC_HASHED", default=not DEMO)
# Find files at each request. Otherwise each process reads all files of all apps at its start.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not STATIC_HASHED
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if STATIC_HASHED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# Logging

LOGGING = logging_config(
    log_format=env.str("LOG_FORMAT", default="console" if DEMO else "json"),
    level=env.str("LOG_LEVEL", default="WARNING" if DEMO else "INFO"),
)
LOGGING_CONFIG = "config.logs.configure"
