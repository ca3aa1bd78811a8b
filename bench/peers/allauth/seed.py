"""Make the users, sessions and tokens of django-allauth: `python -m bench.peers.allauth.seed`."""

from bench.peers import django_users  # isort: skip - sets Django up

import time

from allauth.account.models import EmailAddress
from allauth.headless.tokens.strategies.jwt import internal
from django.contrib.auth.models import User

from bench.seeding import Plan


def main(plan: Plan) -> None:
    users = django_users.sign_up(plan)
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, primary=True, verified=True) for user in users
    )
    plan.write("sessions", (str(_sign_in(user).session_key) for user in users))
    plan.write("access", (_tokens(user)[0] for user in users))
    plan.write_once("refresh", (_tokens(user)[1] for user in _turns(users, plan.total("refresh"))))
    plan.write_once(
        "sign-out", (_tokens(user)[0] for user in _turns(users, plan.total("sign-out")))
    )


def _turns(users: list[User], amount: int):
    return (users[n % len(users)] for n in range(amount))


def _sign_in(user: User):
    session = django_users.sign_in(user)
    session["account_authentication_methods"] = [
        {"method": "password", "at": time.time(), "username": user.username}
    ]
    session.save()
    return session


def _tokens(user: User) -> tuple[str, str]:
    """Return the access and the refresh token of a new session."""
    session = _sign_in(user)
    pair = (
        internal.create_access_token(user, session, {}),
        internal.create_refresh_token(user, session),
    )
    session.save()  # the ids of its refresh tokens
    return pair


if __name__ == "__main__":
    main(Plan.from_arguments())
