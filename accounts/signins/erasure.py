"""Delete accounts whose owners asked for it, after some days in which a sign-in undoes it.

What holds data of a user, and where it goes:

| Data | At the request | At the erasure |
| --- | --- | --- |
| `User` | `erase_at` is set | deleted |
| groups and permissions of the user, addresses, connections | | deleted with the user; providers get a message |
| `AuthSession` | ended | loses user, address and device; deleted 30 days after its end |
| `TrustedBrowser` | deleted | |
| `AuditEvent` | | keeps type, time, reason and salted digests without the salt; a random pseudonym replaces the email; no address, device or note |
| ids in another system | | deleted with the user; a keyed hash of each stays, so that the account doesn't come back |
| second factors, resets of them, the grace period | | deleted with the user; a reset that the user asked for as an operator loses its operator |
| Django's admin log | | entries of the user are deleted, entries about the user get the pseudonym |
| waiting mails (`Job`), the record of sent mails | | deleted with the user |
| notes and proposals of operators | | deleted with the user; those that the user wrote as an operator lose their author |
| sessions in Redis | deleted | deleted again, in case Redis was down |
| counters in Redis, by a keyed hash of the email | | those of wrong passwords are deleted; others expire within a day |
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


def request(
    user: User,
    *,
    sid: UUID | None = None,
    client: ClientInfo,
    actor: User | None = None,
    note: str = "",
) -> datetime:
    """End all sign-ins of the account and mark it for deletion. Returns when it will be deleted.

    Call only after a fresh proof of the sign-in `sid`, or of the operator `actor`, whose words are in
    `note`. An operator can delete a locked account, too. A second request keeps the first time. Raises
    `LastSuperuserError`, and `ConflictError` if the account has just been disabled or deleted.
    """
    with transaction.atomic():
        current = _locked(user.pk)
        if current is None or not (current.is_active or actor):
            raise ConflictError
        if _is_last_superuser(current):
            raise LastSuperuserError
        erase_at = current.erase_at
        if erase_at is None:
            erase_at = timezone.now() + timedelta(days=settings.ACCOUNT_DELETION_DAYS)
            current.erase_at = erase_at
            current.save(update_fields=["erase_at"])
            kind = AuditEvent.Type.DELETION_REQUESTED
            trail.record(kind, user=current, sid=sid, client=client, actor=actor, note=note)
            if actor:
                notices.operator_acted(current, notices.Act.DELETION, moment=erase_at)
            else:
                notices.deletion_requested(current, erase_at=erase_at, client=client)
        reason = sessions.Reason.DELETION_REQUESTED
        sessions.revoke_all(current, reason=reason, client=client, actor=actor, note=note)
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
        erase_now(current)
    return True


def erase_now(user: User, *, reason: str = "") -> None:
    """Erase the account in the caller's transaction, which has locked its row."""
    email, user_id = user.email, user.pk
    pseudonym = trail.pseudonymise(user)
    user.auth_sessions.update(ip=None, user_agent="")
    LogEntry.objects.filter(object_id=str(user_id)).update(
        object_id=pseudonym, object_repr=pseudonym, change_message=""
    )
    user.delete()
    trail.record(
        AuditEvent.Type.USER_ERASED, identifier=pseudonym, deleted_id=user_id, reason=reason
    )
    transaction.on_commit(lambda: guesses.forget(email), robust=True)


def _locked(user_id: UUID) -> User | None:
    """Lock and return the user. Of superusers lock all, or the last two could leave together."""
    users = User.objects.select_for_update(no_key=True).order_by("pk")
    is_superuser = User.objects.filter(pk=user_id, is_superuser=True).exists()
    locked = users.filter(is_superuser=True) if is_superuser else users.filter(pk=user_id)
    return next((user for user in locked if user.pk == user_id), None)


def _is_last_superuser(user: User) -> bool:
    # Without `is_staff`, a superuser can't open the panel.
    able = User.objects.filter(is_superuser=True, is_staff=True, is_active=True)
    others = able.filter(erase_at=None)
    return user.is_superuser and not others.exclude(pk=user.pk).exists()
