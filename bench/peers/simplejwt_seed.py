"""Make the users and tokens of a peer that uses SimpleJWT: `python -m bench.peers.simplejwt_seed`."""

from bench.peers import django_users  # isort: skip - sets Django up

from django.contrib.auth.models import User
from django.db import transaction
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from bench.seeding import Plan


def main(plan: Plan) -> None:
    users = django_users.sign_up(plan)
    plan.write("access", (str(AccessToken.for_user(user)) for user in users))
    plan.write("sessions", (str(django_users.sign_in(user).session_key) for user in users))
    with transaction.atomic():
        plan.write("kept", _refresh_tokens(users, plan.users))
    for name in ("refresh", "sign-out"):
        with transaction.atomic():
            plan.write_once(name, _refresh_tokens(users, plan.total(name)))


def _refresh_tokens(users: list[User], amount: int):
    return (str(RefreshToken.for_user(users[n % len(users)])) for n in range(amount))


if __name__ == "__main__":
    main(Plan.from_arguments())
