"""Spend each refresh token of the old site once, by its `jti`."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.moving.models import ExternalId, SpentToken
from accounts.people.models import User

KEEP_BLOCKED = timedelta(days=400)
"""How long a `jti` from the old site's blacklist is kept. Its token has expired by then."""


def spend(jti: str, *, expires_at: datetime) -> bool:
    """Spend this token. Of two requests at once, one wins. Returns False if it was spent before.

    The row lasts until the token has expired, so that it is refused for its whole life.
    """
    try:
        with transaction.atomic():
            SpentToken(digest=_digest(jti), expires_at=expires_at).save(force_insert=True)
    except IntegrityError:
        return False
    return True


def block(jtis: Iterable[str]) -> None:
    """Refuse these tokens from now on: the old site had them on its blacklist."""
    until = timezone.now() + KEEP_BLOCKED
    rows = (SpentToken(digest=_digest(jti), expires_at=until) for jti in jtis)
    SpentToken.objects.bulk_create(rows, batch_size=1000, ignore_conflicts=True)


def owner(source: str, external_id: str) -> User | None:
    """Return the account that came from this source under this id, or None."""
    found = ExternalId.objects.select_related("user").filter(source=source, external_id=external_id)
    row = found.first()
    return row.user if row else None


def may_open(user: User, source: str) -> bool:
    """Return True if a token of the old site may still open this account. Locks its row, as `sessions.open`.

    Nothing that came before an end of all sign-ins opens the account again, and nothing cancels a
    deletion without its owner. The old site may still renew tokens, so their time says nothing.
    """
    locked = User.objects.select_for_update()
    if locked.filter(pk=user.pk, is_active=True, erase_at=None).first() is None:
        return False
    return user.external_ids.filter(source=source, takes_tokens=True).exists()


def old() -> QuerySet[SpentToken]:
    """Return the rows of tokens that expired more than a day ago."""
    return SpentToken.objects.filter(expires_at__lt=timezone.now() - timedelta(days=1))


def prune() -> int:
    """Delete the rows of expired tokens. Returns how many."""
    return old().delete()[0]


def _digest(jti: str) -> str:
    return hashlib.sha256(jti.encode()).hexdigest()
