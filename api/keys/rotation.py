"""Replace the signing key: regularly by the next one, at once if it is compromised."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.bell import Topic, bell
from api.keys import ring
from api.keys.models import SigningKey


def create(*, active_at: datetime) -> SigningKey:
    """Make and save a key of `SIGNING_ALGORITHM`, which signs from `active_at`. Returns its row."""
    row = SigningKey.draw(active_at=active_at)
    ring.forget()
    return row


def rotate(*, at_once: bool = False, newest: SigningKey | None = None) -> SigningKey | None:
    """Publish the next key, which signs after `SIGNING_KEY_LEAD`. Returns its row.

    Returns None if another process did so at the same time, or a next key waits already. With
    `at_once` the next key, new or waiting, signs from now on: verifiers that cached the JWK Set
    refuse the new tokens until they fetch it again.
    """
    now = timezone.now()
    newest = newest or _newest()
    if newest is not None and newest.active_at > now:  # the next key is published already
        if not at_once:
            return None
        newest.active_at = now
        newest.save(update_fields=["active_at"])
        _announce(newest.kid)
        return newest
    with transaction.atomic():
        if newest is not None:
            # Only one of the processes that read this row can set its successor.
            won = SigningKey.objects.filter(pk=newest.pk, successor_kid="").update(
                successor_kid="elected"
            )
            if not won:
                return None
        row = create(
            active_at=now if at_once or newest is None else now + settings.SIGNING_KEY_LEAD
        )
        if newest is not None:
            SigningKey.objects.filter(pk=newest.pk).update(successor_kid=row.kid)
    _announce(row.kid)
    return row


def rotate_if_due() -> SigningKey | None:
    """Rotate if the newest key has signed for `SIGNING_KEY_LIFETIME`, or if there is no key.

    The worker calls it every minute. Returns the new row, or None.
    """
    newest = _newest()
    if newest is None or timezone.now() - newest.active_at >= settings.SIGNING_KEY_LIFETIME:
        return rotate(newest=newest)
    return None


def retire(kid: str) -> None:
    """Refuse every token that this compromised key signed, on every process at once.

    If Redis is down, other processes read the change within seconds (`RELOAD_SECONDS` at most). If
    no other key is active, a new one signs from now on.
    """
    now = timezone.now()
    with transaction.atomic():
        SigningKey.objects.filter(pk=kid, retired_at=None).update(retired_at=now)
        SigningKey.objects.filter(successor_kid=kid).update(successor_kid="")
        if not SigningKey.objects.filter(retired_at=None, active_at__lte=now).exists():
            create(active_at=now)
    _announce(kid)


def _announce(kid: str) -> None:
    """Make this process read the keys at the next use, and all processes after the commit."""
    ring.forget()
    transaction.on_commit(lambda: bell.publish(Topic.KEYS, [kid]), robust=True)


def _newest() -> SigningKey | None:
    return SigningKey.objects.filter(retired_at=None).order_by("active_at", "kid").last()


def ensure_after_migrate(using: str, **kwargs: Any) -> None:
    """Give a new database its first key."""
    if not SigningKey.objects.using(using).filter(retired_at=None).exists():
        create(active_at=timezone.now())
