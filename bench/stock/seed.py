"""Sign browsers in with Django's `cache` session engine. The bench runs `python -m bench.stock.seed`.

The users are those of `bench.ours.seed`, which must run first.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.stock.settings")
django.setup()

from django.conf import settings  # noqa: E402 - needs the settings
from django.contrib.auth import (  # noqa: E402
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
)
from django.contrib.sessions.backends.cache import SessionStore  # noqa: E402

from accounts.people.models import User  # noqa: E402
from bench import seeding  # noqa: E402


def main(plan: seeding.Plan) -> None:
    users = User.objects.order_by("email")[: plan.users]
    plan.write("stock-sessions", map(signed_in, users))


def signed_in(user: User) -> str:
    """Make a session with the entries that Django's `login()` writes. Returns its id."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


if __name__ == "__main__":
    main(seeding.Plan.from_arguments())
