"""Make users, and sessions as Django's `login()` makes them, in a Django peer's database."""

import os

import django

# The bench names the peer's settings in DJANGO_SETTINGS_MODULE.
django.setup()

from django.contrib.auth import (  # noqa: E402 - needs the settings
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
)
from django.contrib.auth.hashers import make_password  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.backends.cache import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402

from bench.seeding import PASSWORD, Plan  # noqa: E402

BACKEND = os.environ.get("PEER_BACKEND", "django.contrib.auth.backends.ModelBackend")


def sign_up(plan: Plan) -> list[User]:
    """Make the tables and the users. Only one hash is computed. Writes the file of logins."""
    call_command("migrate", verbosity=0)
    password = make_password(PASSWORD)
    User.objects.bulk_create(
        User(username=f"user{n}", email=f"user{n}@example.com", password=password)
        for n in range(plan.users)
    )
    users = list(User.objects.order_by("pk"))
    plan.write("logins", (f"{user.username}\t{PASSWORD}" for user in users))
    return users


def sign_in(user: User) -> SessionStore:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return session
