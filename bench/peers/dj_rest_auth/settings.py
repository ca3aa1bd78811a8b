"""Follow dj-rest-auth's pages *Installation* and *JWT*, in P1's project."""

from bench.p1.settings import *  # noqa: F403 - a Django project of the same kind

ROOT_URLCONF = "bench.peers.dj_rest_auth.urls"
INSTALLED_APPS += ["rest_framework.authtoken", "dj_rest_auth"]  # noqa: F405
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "dj_rest_auth.jwt_auth.JWTCookieAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
}
REST_AUTH = {"USE_JWT": True, "JWT_AUTH_HTTPONLY": False}
PASSWORD_HASHERS = ["bench.peers.hashers.Argon2idPasswordHasher"]
