"""Make users with a password, seal audit events each second as the worker does, or work on a large log.

Call it with `python -m bench.ours.sealing seed USERS PASSWORD`, `… seal` or `… large ROWS`.
"""

import os
import sys
import time
from datetime import timedelta
from unittest.mock import patch
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.ours.settings")
django.setup()

from allauth.account.models import EmailAddress  # noqa: E402 - needs the settings
from django.conf import settings  # noqa: E402
from django.contrib.auth.hashers import make_password  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.audit import chain, checkpoints, pruning, verification  # noqa: E402
from accounts.audit.models import AuditEvent  # noqa: E402
from accounts.people.models import User  # noqa: E402


def seed(amount: int, password: str) -> None:
    call_command("migrate", verbosity=0)
    hashed = make_password(password)
    users = [User(email=f"user{n}@example.com", password=hashed) for n in range(amount)]
    User.objects.bulk_create(users)
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, primary=True, verified=True) for user in users
    )


def seal() -> None:
    while True:
        chain.seal()
        time.sleep(1)


def large(amount: int) -> None:
    """Seal, verify and prune this number of events, and print the rows a second of each."""
    chain.seal()
    users = list(User.objects.all())
    AuditEvent.objects.bulk_create(
        (
            AuditEvent(
                type=AuditEvent.Type.LOGIN_SUCCEEDED,
                user=users[n % len(users)],
                identifier=users[n % len(users)].email,
                sid=uuid4(),
                ip="192.0.2.1",
                user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
                amr=["pwd"],
                request_id=uuid4().hex,
            )
            for n in range(amount)
        ),
        batch_size=1000,
    )
    for name, work in (("sealed", chain.seal), ("verified", _verified), ("pruned", _pruned)):
        began = time.monotonic()
        rows = work()
        seconds = time.monotonic() - began
        sys.stdout.write(f"{rows} rows {name} in {seconds:.1f} s: {rows / seconds:.0f} a second\n")


def _verified() -> int:
    report = verification.verify()
    if report.broken:
        raise SystemExit(report.broken)
    return report.rows


def _pruned() -> int:
    checkpoints.make()
    settings.AUDIT_RETENTION_MONTHS = 1
    later = timezone.now() + timedelta(days=90)
    with patch.object(timezone, "now", lambda: later):
        return pruning.prune()


if __name__ == "__main__":
    if sys.argv[1] == "seed":
        seed(int(sys.argv[2]), sys.argv[3])
    elif sys.argv[1] == "seal":
        seal()
    else:
        large(int(sys.argv[2]))
