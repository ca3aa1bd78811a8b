"""A connection has ended here: its provider is told, off the request, until it knows.

The job is written in the transaction that removes the connection. What it needs rests encrypted, and
for no longer than it takes.
"""

import json
import logging
from datetime import timedelta
from uuid import UUID

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount, SocialApp
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from accounts import encryption
from accounts.federation.errors import ProviderError
from accounts.federation.providers.base import StrictProvider, UnlinksBy
from accounts.outbox.models import Unlinking

RETRY_AFTER = [
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=6),
    timedelta(days=1),
]
LEFT_BEHIND_AFTER = sum(RETRY_AFTER, timedelta(hours=1))
"""No try that was planned is still to come."""

log = logging.getLogger(__name__)


def removed(account: SocialAccount) -> None:
    """This connection is being removed: with its account, by its owner, by whoever took its address."""
    try:
        unlinks_by = _provider(account.provider).unlinks_by
    except SocialApp.DoesNotExist:
        unlinks_by = UnlinksBy.NOTHING
    if unlinks_by is UnlinksBy.UID:
        enqueue(account.provider, account.uid)
    elif unlinks_by is UnlinksBy.NOTHING:
        log.warning("%s isn't told of a connection that ended: not set up", account.provider)


def enqueue(provider: str, uid: str, *, token: str = "") -> None:
    """Tell this provider, after the caller's transaction. `token` where it wants one."""
    secret = encryption.encrypt(json.dumps({"uid": uid, "token": token}))
    with transaction.atomic():
        row = Unlinking.objects.create(provider=provider, secret=secret)
        deliver.enqueue(str(row.pk))


@task()
def deliver(unlinking_id: str) -> None:
    """Tell one provider of one connection; on failure try again later, five times."""
    row = Unlinking.objects.filter(pk=UUID(unlinking_id)).first()
    if row is None:
        return
    try:
        provider = _provider(row.provider)
    except SocialApp.DoesNotExist:
        _give_up(row)
        return
    try:
        _tell(provider, row)
    except ProviderError as exc:
        log.warning("%s wasn't told (attempt %d): %s", row.provider, row.attempts + 1, exc)
        _retry(row, serves_for=provider.unlinking_serves_for)
    except Exception:
        log.exception("%s wasn't told (attempt %d)", row.provider, row.attempts + 1)
        _retry(row, serves_for=provider.unlinking_serves_for)
    else:
        row.delete()


def resume() -> None:
    """A job that died with its worker is begun again, so that nothing rests here for ever."""
    before = timezone.now() - LEFT_BEHIND_AFTER
    for row in Unlinking.objects.filter(created_at__lt=before):
        deliver.enqueue(str(row.pk))


def _tell(provider: StrictProvider, row: Unlinking) -> None:
    secret = json.loads(encryption.decrypt(row.secret))
    if SocialAccount.objects.filter(provider=row.provider, uid=secret["uid"]).exists():
        log.info("%s isn't told: the account was connected again", row.provider)
        return
    provider.unlink(**secret)
    log.info("%s was told of a connection that ended", row.provider)


def _retry(row: Unlinking, *, serves_for: timedelta) -> None:
    if row.attempts >= len(RETRY_AFTER):
        _give_up(row)
        return
    run_after = timezone.now() + RETRY_AFTER[row.attempts]
    if run_after > row.created_at + serves_for:
        _give_up(row)
        return
    with transaction.atomic():
        row.attempts += 1
        row.save(update_fields=["attempts"])
        deliver.using(run_after=run_after).enqueue(str(row.pk))


def _give_up(row: Unlinking) -> None:
    log.error("%s was never told of a connection that ended: given up", row.provider)
    row.delete()


def _provider(name: str) -> StrictProvider:
    provider: StrictProvider = get_adapter().get_provider(None, name)  # type: ignore[arg-type]  # it does without
    return provider
