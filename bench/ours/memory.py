"""Measure a worker's memory: `python -m bench.ours.memory` prints JSON, in bytes.

Imports the whole application, lets the revocation feed read 100,000 ended sign-ins from the
database, and fills the cache of verified tokens.
"""

import gc
import json
import os
import sys
from pathlib import Path
from uuid import uuid4

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.ours.settings")

import bench.ours.wsgi  # noqa: F401 - imports all modules of a worker

from django.db import connection  # isort: skip
from django.utils import timezone  # isort: skip

from accounts.bell import Bell
from accounts.people.models import User
from accounts.signins.models import AuthSession
from accounts.signins.revocations import Feed
from api.tokens import jwts
from bench.ours.seed import sign_ins

REVOKED = 100_000


def resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def revoke(amount: int) -> None:
    """Save this number of ended sign-ins: copies of one row, so that this process makes no objects."""
    now = timezone.now()
    first = AuthSession.objects.create(
        kind=AuthSession.Kind.BROWSER, expires_at=now, revoked_at=now, revoked_reason="logout"
    )
    fields = AuthSession._meta.concrete_fields  # noqa: SLF001
    columns = ", ".join(f'"{field.column}"' for field in fields if not field.primary_key)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO accounts_authsession (id, {columns})
                SELECT gen_random_uuid(), {columns} FROM accounts_authsession, generate_series(2, %s)
                WHERE id = %s""",  # noqa: S608 - names of our own columns
            [amount, first.pk],
        )


def main() -> None:
    feed = Feed(Bell(), background=False)
    feed.is_revoked(uuid4())
    before = resident()
    revoke(REVOKED)
    feed.is_revoked(uuid4())
    after = resident()
    users = list(User.objects.all()[:1000])
    access = [str(jwts.AccessJWT.for_session(one)) for one in sign_ins(users, jwts.REMEMBERED)]
    empty = resident()
    for token in access:
        jwts.AccessJWT(token)
    # The cache also keeps the tokens' text. `access` held it before, so the difference lacks it.
    text = sum(map(sys.getsizeof, access))
    facts = {
        "idle": before,
        "revoked": feed.size(),
        "growth": after - before,
        "remembered": jwts.REMEMBERED,
        "remembered_growth": resident() - empty + text,
    }
    sys.stdout.write(json.dumps(facts))


if __name__ == "__main__":
    main()
