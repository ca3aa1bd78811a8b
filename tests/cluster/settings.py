"""The site's own settings, with a cheap password hash.

A thousand sign-ins a minute would otherwise measure Argon2id. `CLUSTER_SESSIONS` chooses where
sessions are: in the site's own store, or one that it is compared with.
"""

import os

from config.settings import *  # noqa: F403
from config.settings import CACHES, MIDDLEWARE
from tests.cluster.sources import FromOneAddress

PASSWORD_HASHERS = ["tests.cluster.stock.CheapPasswordHasher"]

if source := os.environ.get("CLUSTER_SOURCE"):
    # Connect to the sessions from an address of this server's own, as on a machine of its own.
    CACHES["sessions"]["OPTIONS"]["CONNECTION_POOL_KWARGS"] |= {
        "connection_class": FromOneAddress,
        "source": source,
    }

SESSIONS = os.environ.get("CLUSTER_SESSIONS", "own")
if SESSIONS != "own":
    # Django's and allauth's own engine and middleware, without our sign-ins.
    SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    ours = {
        "config.middleware.SessionMiddleware": "django.contrib.sessions.middleware.SessionMiddleware",
        "accounts.pages.middleware.AuthSessionMiddleware": "tests.cluster.stock.NoSignIns",
    }
    MIDDLEWARE = [ours.get(name, name) for name in MIDDLEWARE]
if SESSIONS in {"memory", "replicated"}:
    SESSION_CACHE_ALIAS = "compared"  # `/readyz` still asks the site's own store
if SESSIONS == "memory":
    CACHES["compared"] = {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
elif SESSIONS == "replicated":
    CACHES["compared"] = {
        "BACKEND": "tests.cluster.stock.NearestReplica",
        "LOCATION": os.environ["CLUSTER_NEAREST_REDIS"],
        "OPTIONS": {"primary": CACHES["sessions"]},
    }
