"""Serve our pages as a project from `startproject` with django-redis and allauth does.

The same views, templates and tables as ours. Session, middleware, connections and logging are Django's own,
set up as the guides of Django, django-redis and allauth say.
"""

import os

from config.settings import *  # noqa: F403 - what is not below stays ours
from config.settings import DATABASES

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
SESSION_CACHE_ALIAS = "default"
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": os.environ["REDIS_URL"].replace("db=0", "db=15"),
        "OPTIONS": {"CLIENT_CLASS": "django_redis.client.DefaultClient"},
    }
}
DATABASES["default"] |= {"CONN_MAX_AGE": 60}
DATABASES["default"].setdefault("OPTIONS", {}).pop("pool", None)
LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = {}
