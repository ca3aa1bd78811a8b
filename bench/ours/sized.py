"""Give users of a large database a password and tokens: `python -m bench.ours.sized`, with a plan.

The plan's number of users is that of `manage.py seed_crowd`. The users lie far apart in the tables, so that
their requests need other pages of the database each time.
"""

from django.contrib.auth.hashers import make_password

from bench import seeding
from bench.ours import seed

from accounts.people.models import User  # isort: skip - needs the settings
from accounts.support import crowd  # isort: skip

MOST = 800
"""Users that send requests: fewer than 1,000, because some of the crowd are disabled or have a factor."""


def main(plan: seeding.Plan) -> None:
    numbers = spread(plan.users)
    users = User.objects.filter(pk__in=map(crowd.user_id, numbers), is_active=True)
    users.update(password=make_password(seeding.PASSWORD))
    seed.write_tokens(plan, list(users.order_by("email")[:MOST]))


def spread(users: int) -> list[int]:
    """Return the numbers of about 1,000 users without a second factor, as far apart as possible."""
    step = max(1, users // 1000)
    return [number for number in range(0, users, step) if number % crowd.FACTOR_EVERY != 1]


if __name__ == "__main__":
    main(seeding.Plan.from_arguments())
