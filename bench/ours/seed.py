"""Make our tables, users, sign-ins and tokens. The bench runs `python -m bench.ours.seed`."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.ours.settings")
django.setup()

from allauth.account.models import EmailAddress  # noqa: E402 - needs the settings
from django.conf import settings  # noqa: E402
from django.contrib.auth import (  # noqa: E402
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
)
from django.contrib.auth.hashers import make_password  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.people.models import User  # noqa: E402
from accounts.signins.models import AuthSession  # noqa: E402
from accounts.store.engine import RIGHTS, SID, SessionStore  # noqa: E402
from api.tokens.jwts import AccessJWT, RefreshJWT  # noqa: E402
from bench import seeding  # noqa: E402

BATCH = 1000


def main(plan: seeding.Plan) -> None:
    call_command("migrate", verbosity=0)
    write_tokens(plan, _users(plan.users))


def write_tokens(plan: seeding.Plan, users: list[User]) -> None:
    """Sign these users in, and write the files of tokens."""
    plan.write("logins", (f"{user.email}\t{seeding.PASSWORD}" for user in users))
    plan.write("access", (str(AccessJWT.for_session(one)) for one in sign_ins(users, len(users))))
    plan.write("sessions", map(browser, users))
    for name in ("refresh", "sign-out"):
        rows = sign_ins(users, plan.total(name))
        plan.write_once(name, (str(RefreshJWT.for_session(one)) for one in rows))
    token = str(RefreshJWT.for_session(next(sign_ins(users, 1))))
    plan.report(statements=seeding.count_statements("/api/token/refresh/", token))


def _users(amount: int) -> list[User]:
    """Return the users of an earlier seed, or make them, with a proved email and one password."""
    emails = [f"user{n}@example.com" for n in range(amount)]
    if known := {user.email: user for user in User.objects.filter(email__in=emails)}:
        return [known[email] for email in emails]
    password = make_password(seeding.PASSWORD)  # one hash for all
    users = User.objects.bulk_create(User(email=email, password=password) for email in emails)
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, primary=True, verified=True) for user in users
    )
    return users


def sign_ins(users: list[User], amount: int) -> Iterator[AuthSession]:
    """Save this number of sign-ins in batches, and yield them."""
    for first in range(0, amount, BATCH):
        numbers = range(first, min(first + BATCH, amount))
        yield from AuthSession.objects.bulk_create(_sign_in(users[n % len(users)]) for n in numbers)


def browser(user: User) -> str:
    """Sign a browser in, with the same rows and session entries as the sign-in page.

    Returns the session id.
    """
    now = timezone.now()
    row = AuthSession.objects.create(
        user=user,
        kind=AuthSession.Kind.BROWSER,
        ip="127.0.0.1",
        user_agent="wrk",
        amr=["pwd"],
        expires_at=now + settings.AUTH_SESSION_LIFETIME,
    )
    session = SessionStore()
    session.update(
        {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
            SID: str(row.pk),
            RIGHTS: "00",
            "_session_expiry": settings.SESSION_COOKIE_AGE,
            "account_authentication_methods": [
                {"method": "password", "at": time.time(), "email": user.email}
            ],
        }
    )
    session.save()
    return str(session.session_key)


def _sign_in(user: User) -> AuthSession:
    now = timezone.now()
    return AuthSession(
        user=user,
        kind=AuthSession.Kind.TOKEN,
        ip="127.0.0.1",
        user_agent="wrk",
        amr=["pwd"],
        expires_at=now + settings.AUTH_SESSION_LIFETIME,
        refresh_jti=uuid4().hex,
        refreshed_at=now - timedelta(minutes=30),
        refresh_expires_at=now + settings.REFRESH_TOKEN_LIFETIME,
    )


if __name__ == "__main__":
    main(seeding.Plan.from_arguments())
