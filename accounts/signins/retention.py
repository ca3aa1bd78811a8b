"""Erase accounts that nobody verified, and accounts that nobody uses. Both are off by default.

- An unverified account proved no address, has no connection, and never signed in. One that came from
  another system is none.
- A dormant account has not signed in for `DORMANT_ACCOUNT_DAYS`, and no sign-in of it is active. One
  that came from another system has been here as long, too. Its
  owner gets a mail first; the deletion is then like one that the owner asked for: a sign-in within
  `DORMANT_NOTICE_DAYS` cancels it, and `erasure.erase_due` carries it out.

Accounts with rights, disabled accounts and accounts that wait for a deletion are left alone.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import Deletion
from accounts.mail import notices
from accounts.people.models import User
from accounts.signins import erasure
from accounts.signins.models import AuthSession

if TYPE_CHECKING:
    from uuid import UUID

BATCH = 100

log = logging.getLogger(__name__)


def unverified() -> QuerySet[User]:
    """Select the unverified accounts that are older than `UNVERIFIED_ACCOUNT_DAYS`; none with 0."""
    days = settings.UNVERIFIED_ACCOUNT_DAYS
    if days <= 0:
        return User.objects.none()
    return _ordinary().filter(
        ~Q(emailaddress__verified=True),
        date_joined__lt=timezone.now() - timedelta(days=days),
        last_login=None,
        socialaccount=None,
        auth_sessions=None,
        external_ids=None,
    )


def dormant() -> QuerySet[User]:
    """Select the accounts without a sign-in for `DORMANT_ACCOUNT_DAYS`; none with 0.

    Only those with a verified email, to which the mail can go.
    """
    days = settings.DORMANT_ACCOUNT_DAYS
    if days <= 0:
        return User.objects.none()
    since = timezone.now() - timedelta(days=days)
    active = AuthSession.objects.active().filter(user=OuterRef("pk"))
    return (
        _ordinary()
        .annotate(used_at=Coalesce("last_login", "date_joined"))
        .filter(
            ~Exists(active),
            emailaddress__verified=True,
            emailaddress__primary=True,
            used_at__lt=since,
        )
        # Its dates are the other system's: nobody could sign in here before the account came.
        .exclude(external_ids__created_at__gte=since)
    )


def erase_unverified() -> Iterator[int]:
    """Erase the unverified accounts in batches. Yields the size of each batch."""
    yield from _each(unverified, _erase)


def warn_dormant() -> Iterator[int]:
    """Mail the owners of dormant accounts, and set the time of the deletion. Yields as above."""
    yield from _each(dormant, _warn)


def _ordinary() -> QuerySet[User]:
    return User.objects.filter(is_active=True, is_staff=False, is_superuser=False, erase_at=None)


def _each(select: Callable[[], QuerySet[User]], do: Callable[[User], None]) -> Iterator[int]:
    """Do this to each account, in a transaction of its own, while its row is locked.

    A failure stops no other account. Selects the locked row again: its owner may have signed in.
    """
    failed: set[UUID] = set()
    while keys := list(select().exclude(pk__in=failed).values_list("pk", flat=True)[:BATCH]):
        done = 0
        for pk in keys:
            try:
                with transaction.atomic():
                    User.objects.select_for_update(no_key=True).filter(pk=pk).first()
                    user = select().filter(pk=pk).first()
                    if user is not None:
                        do(user)
                        done += 1
            except Exception:
                failed.add(pk)
                log.exception("account %s stays: its retention failed", pk)
        yield done


def _erase(user: User) -> None:
    erasure.erase_now(user, reason=Deletion.UNVERIFIED)


def _warn(user: User) -> None:
    erase_at = timezone.now() + timedelta(days=settings.DORMANT_NOTICE_DAYS)
    user.erase_at = erase_at
    user.save(update_fields=["erase_at"])
    trail.record(AuditEvent.Type.DELETION_REQUESTED, user=user, reason=Deletion.DORMANT)
    notices.account_dormant(user, erase_at=erase_at)
