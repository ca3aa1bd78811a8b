"""Make the tables, users and tokens of P1. The bench runs `python -m bench.p1.seed`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.p1.settings")
django.setup()

from django.contrib.auth import (  # noqa: E402 - needs the settings
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
)
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.backends.cache import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken  # noqa: E402

from bench import seeding  # noqa: E402


def main(plan: seeding.Plan) -> None:
    call_command("migrate", verbosity=0)
    User.objects.bulk_create(
        User(username=f"user{n}", email=f"user{n}@example.com") for n in range(plan.users)
    )
    users = list(User.objects.order_by("pk"))
    plan.write("access", [str(AccessToken.for_user(user)) for user in users])
    plan.write("sessions", map(signed_in, users))
    with transaction.atomic():
        plan.write_once(
            "refresh",
            (
                str(RefreshToken.for_user(users[n % plan.users]))
                for n in range(plan.total("refresh"))
            ),
        )
    token = str(RefreshToken.for_user(users[0]))
    plan.report(statements=seeding.count_statements("/token/refresh/", token))


def signed_in(user: User) -> str:
    """Make a session with the entries that Django's `login()` writes. Returns its id."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


if __name__ == "__main__":
    main(seeding.Plan.from_arguments())
