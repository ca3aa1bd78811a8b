"""Lock accounts until a time, and unlock them.

A lock is `is_active = False`, which every door refuses already, and the worker enables the account at
`locked_until`. So no door can forget the lock, and while the worker is down, accounts stay locked.
"""

import logging
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.audit import trail
from accounts.audit.vocabulary import EventType, ResetStop, Unlock
from accounts.mail import notices
from accounts.operators import proposals
from accounts.operators.acting import By, begin
from accounts.people.models import User
from accounts.signins import sessions

PERMISSION = "accounts.lock_user"
BATCH = 100
"""Accounts that one call of `unlock_due` unlocks. The rest waits for the next."""

log = logging.getLogger(__name__)


def lock(user: User, by: By, *, until: datetime | None) -> int:
    """Disable the account, end all its sign-ins, and stop a proposed email. Returns how many ended.

    `until` is None for a lock without an end. A lock replaces an earlier one. Raises as `begin` does.
    """
    with transaction.atomic():
        user = begin(user, by, PERMISSION)
        reason, actor = sessions.Reason.LOCKED, by.actor
        user.is_active, user.locked_until = False, until
        ended = sessions.revoke_all(
            user, reason=reason, actor=actor, client=by.client, note=by.reason
        )
        user.save(update_fields=["is_active", "locked_until"])
        trail.record(EventType.ACCOUNT_LOCKED, user=user, **by.on_record)
        proposals.stop_pending(user, ResetStop.BY_LOCK, by.on_record)
        notices.operator_acted(user, notices.Act.LOCKED, moment=until)
    return ended


def unlock(user: User, by: By) -> bool:
    """Enable the account. Returns False if it was not locked. Raises as `begin` does."""
    with transaction.atomic():
        user = begin(user, by, PERMISSION)
        if user.is_active:
            return False
        _enable(user)
        trail.record(
            EventType.ACCOUNT_UNLOCKED, user=user, reason=Unlock.BY_OPERATOR, **by.on_record
        )
    return True


def unlock_due() -> int:
    """Unlock the accounts whose time has come. Returns how many. A failure stops no other one."""
    due = User.objects.filter(is_active=False, locked_until__lte=timezone.now())
    count = 0
    for user in due.order_by("locked_until")[:BATCH]:
        try:
            count += _unlock_if_due(user)
        except Exception:
            log.exception("account %s was not unlocked", user.pk)
    return count


def _unlock_if_due(user: User) -> bool:
    with transaction.atomic():
        rows = User.objects.select_for_update(no_key=True)
        due = rows.filter(pk=user.pk, is_active=False, locked_until__lte=timezone.now()).first()
        if due is None:  # an operator was faster
            return False
        _enable(due)
        trail.record(EventType.ACCOUNT_UNLOCKED, user=due, reason=Unlock.BY_TIME)
    return True


def _enable(user: User) -> None:
    user.is_active, user.locked_until = True, None
    user.save(update_fields=["is_active", "locked_until"])
    notices.operator_acted(user, notices.Act.UNLOCKED)
