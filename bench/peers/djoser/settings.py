"""Follow Djoser's pages *Getting started* and *JSON Web Token Authentication*, in P1's project."""

import os

from bench.p1.settings import *  # noqa: F403 - a Django project of the same kind

ROOT_URLCONF = "bench.peers.djoser.urls"
INSTALLED_APPS += ["djoser"]  # noqa: F405
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTAuthentication",
    ],
}
if os.environ.get("PEER_ROTATES") == "0":  # as Djoser's page has it
    SIMPLE_JWT |= {"ROTATE_REFRESH_TOKENS": False, "BLACKLIST_AFTER_ROTATION": False}  # noqa: F405
PASSWORD_HASHERS = ["bench.peers.hashers.Argon2idPasswordHasher"]
