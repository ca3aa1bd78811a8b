"""Delete accounts whose owners asked for it, after some days in which a sign-in undoes it.

What holds data of a user, and where it goes:

| Data | At the request | At the erasure |
| --- | --- | --- |
| `User` | `erase_at` is set | deleted |
| groups and permissions of the user, addresses, connections | | deleted with the user; providers get a message |
| `AuthSession` | ended | loses user, address and device; deleted 30 days after its end |
| `AuditEvent` | | keeps type, time and reason; a random pseudonym replaces the email; no address, no device |
| Django's admin log | | entries of the user are deleted, entries about the user get the pseudonym |
| waiting mails (`Job`) | | deleted with the user |
| sessions in Redis | deleted | deleted again, in case Redis was down |
| counters in Redis, by a hash of the email | | deleted; others expire within a day |
| remembered users of each process | forgotten | forgotten |

Messages to providers (`Job`) outlive the user until they are sent: they hold the provider's id.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.utils import timezone

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.errors import ConflictError, LastSuperuserError
from accounts.mail import notices
from accounts.people.models import User
from accounts.signins import guesses, sessions

BATCH = 100
"""Accounts that one call of `erase_due` deletes. The rest waits for the next."""

log = logging.getLogger(__name__)


def request(user: User, *, client: ClientInfo) -> datetime:
    """End all sign-ins of the account and mark it for deletion. Returns when it will be deleted.

    Call only after a fresh proof. A second request keeps the first time. Raises
    `LastSuperuserError`, and `ConflictError` if the account has just been disabled or deleted.
    """
    with transaction.atomic():
        current = _locked(user.pk)
        if current is None or not current.is_active:
            raise ConflictError
        if _is_last_superuser(current):
            raise LastSuperuserError
        erase_at = current.erase_at
        if erase_at is None:
            erase_at = timezone.now() + timedelta(days=settings.ACCOUNT_DELETION_DAYS)
            current.erase_at = erase_at
            current.save(update_fields=["erase_at"])
            trail.record(AuditEvent.Type.DELETION_REQUESTED, user=current, client=client)
            notices.deletion_requested(current, erase_at=erase_at, client=client)
        sessions.revoke_all(current, reason=sessions.Reason.DELETION_REQUESTED, client=client)
    return erase_at


def erase_due() -> int:
    """Erase the accounts whose time has come. Returns how many. A failure stops no other erasure."""
    due = User.objects.filter(erase_at__lte=timezone.now()).order_by("erase_at")
    erased = 0
    for user in due[:BATCH]:
        try:
            erased += erase(user)
        except Exception:
            log.exception("account %s was not erased", user.pk)
    return erased


def erase(user: User) -> bool:
    """Erase the account, unless a sign-in has kept it: the lock on its row decides.

    Returns False if the account stays.
    """
    with transaction.atomic():
        current = _locked(user.pk)
        if current is None or current.erase_at is None or current.erase_at > timezone.now():
            return False
        if _is_last_superuser(current):
            log.error("account %s is not erased: it is the last administrator's", current.pk)
            return False
        email = current.email
        pseudonym = trail.pseudonymise(current)
        current.auth_sessions.update(ip=None, user_agent="")
        LogEntry.objects.filter(object_id=str(current.pk)).update(
            object_id=pseudonym, object_repr=pseudonym, change_message=""
        )
        current.delete()
        trail.record(AuditEvent.Type.USER_ERASED, identifier=pseudonym)
        transaction.on_commit(lambda: guesses.forget(email), robust=True)
    return True


def _locked(user_id: UUID) -> User | None:
    """Lock and return the user. Of superusers lock all, or the last two could leave together."""
    users = User.objects.select_for_update(no_key=True).order_by("pk")
    is_superuser = User.objects.filter(pk=user_id, is_superuser=True).exists()
    locked = users.filter(is_superuser=True) if is_superuser else users.filter(pk=user_id)
    return next((user for user in locked if user.pk == user_id), None)


def _is_last_superuser(user: User) -> bool:
    others = User.objects.filter(is_superuser=True, is_active=True, erase_at=None)
    return user.is_superuser and not others.exclude(pk=user.pk).exists()
