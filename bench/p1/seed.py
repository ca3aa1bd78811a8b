"""Tables, users and tokens of P1: `python -m bench.p1.seed`, run by the bench."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.p1.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402 - needs the settings
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
    plan.write_access([str(AccessToken.for_user(user)) for user in users])
    with transaction.atomic():
        plan.write_refresh(
            str(RefreshToken.for_user(users[n % plan.users])) for n in range(plan.refreshes)
        )
    plan.report(statements=seeding.count_statements("/token/refresh/", plan.first_refresh()))


if __name__ == "__main__":
    main(seeding.Plan.from_arguments())
