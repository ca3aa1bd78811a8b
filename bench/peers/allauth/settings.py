"""Follow allauth's pages *Quickstart*, *Headless* and *JWT tokens*, in P1's project."""

import os
from pathlib import Path

# allauth 65.22.1 reads the key with this module, but does not import it.
import cryptography.hazmat.primitives.serialization  # noqa: F401

from bench.p1.settings import *  # noqa: F403 - a Django project of the same kind

ROOT_URLCONF = "bench.peers.allauth.urls"
INSTALLED_APPS = [  # no SimpleJWT
    *(app for app in INSTALLED_APPS if not app.startswith("rest_framework_simplejwt")),  # noqa: F405
    "allauth",
    "allauth.account",
    "allauth.headless",
]
MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]  # noqa: F405
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "allauth.headless.contrib.rest_framework.authentication.JWTTokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}
HEADLESS_ONLY = True
HEADLESS_TOKEN_STRATEGY = "allauth.headless.tokens.strategies.jwt.JWTTokenStrategy"  # noqa: S105
HEADLESS_JWT_PRIVATE_KEY = Path(os.environ["PEER_KEY"]).read_text()
# A long run takes more than the default of five minutes.
HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN = 3600
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
# Its limits stay on. Each user of the load has an address of its own.
ALLAUTH_TRUSTED_PROXY_COUNT = 1
PASSWORD_HASHERS = ["bench.peers.hashers.Argon2idPasswordHasher"]
