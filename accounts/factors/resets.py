"""Remove the second factors of a person who lost them, a day after an operator asked for it.

The owner gets a mail at every proved address, whose link stops the reset. So no operator opens an
account at once, and nobody by a mailbox alone. Stopping and carrying out lock the user's row, and one
conditional UPDATE of the reset decides which of them wins.
"""

import hashlib
import logging
import secrets
from datetime import timedelta

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import ResetStop
from accounts.client_info import ClientInfo
from accounts.factors import changes
from accounts.factors.models import FactorReset
from accounts.mail import notices
from accounts.people import authority
from accounts.people.models import User

PERMISSION = "accounts.add_factorreset"
REASON_MAX = 200
BATCH = 100
"""Resets that one call of `carry_out_due` carries out. The rest waits for the next."""

log = logging.getLogger(__name__)


class Refusal(TextChoices):
    """The reason why a reset was not accepted."""

    NO_FACTOR = "no_factor", _("This account has no second factor.")
    PENDING = "pending", _("A reset of this account is pending already.")
    NO_ADDRESS = (
        "no_address",
        _("This account has no verified address, so its owner could not stop the reset."),
    )
    EMAIL_PENDING = (
        "email_pending",
        _(
            "You proposed an email for this account. Another operator must ask for the second change."
        ),
    )


def may_ask(actor: User, user: User) -> bool:
    """Return True if this operator may reset the factors of this account: never of an own one,
    nor of one with more rights."""
    return authority.may(actor, PERMISSION, user)


def ask(
    user: User, *, reason: str, actor: User | None, client: ClientInfo
) -> FactorReset | Refusal:
    """Ask for a reset, and mail the owner the link that stops it. Returns the reset, or a refusal.

    Call only after a fresh proof of the operator, and if `may_ask`. `actor` is None on the command
    line.
    """
    with transaction.atomic():
        user = changes.lock(user)
        if not has_factor(user):
            return Refusal.NO_FACTOR
        if pending_of(user) is not None:
            return Refusal.PENDING
        if not EmailAddress.objects.filter(user=user, verified=True).exists():
            return Refusal.NO_ADDRESS
        if actor is not None and _has_proposed_email(actor, user):
            return Refusal.EMAIL_PENDING
        reset, token = _requested(user, reason=reason, actor=actor, client=client)
        notices.factor_reset_requested(user, due_at=reset.due_at, token=token)
    return reset


def carry_out_now(user: User, *, reason: str) -> bool:
    """Carry out the pending reset, or a new one, without the delay. Returns False without any factor.

    For emergencies, by an operator who has a shell on the server.
    """
    with transaction.atomic():
        user = changes.lock(user)
        if not has_factor(user):
            return False
        reset = pending_of(user)
        if reset is not None and _end(reset, FactorReset.Outcome.STOPPED):
            why = ResetStop.BY_REPLACEMENT
            trail.record(AuditEvent.Type.FACTOR_RESET_STOPPED, user=user, reason=why)
        reset, _token = _requested(user, reason=reason, actor=None, client=ClientInfo())
        return carry_out(reset)


def _requested(
    user: User, *, reason: str, actor: User | None, client: ClientInfo
) -> tuple[FactorReset, str]:
    """Write the row and its audit event. Returns the row, and the token that stops it."""
    token = secrets.token_urlsafe(32)
    reset = FactorReset.objects.create(
        user=user,
        asked_by=actor,
        is_by_command=actor is None,
        reason=reason,
        due_at=timezone.now() + timedelta(seconds=settings.MFA_RESET_DELAY_SECONDS),
        stop_digest=_digest(token),
    )
    kind = AuditEvent.Type.FACTOR_RESET_REQUESTED
    trail.record(kind, user=user, note=reason, actor=actor, client=client)
    return reset, token


def _has_proposed_email(actor: User, user: User) -> bool:
    now = timezone.now()
    return user.email_proposals.filter(asked_by=actor, ended_at=None, expires_at__gt=now).exists()


def has_factor(user: User) -> bool:
    return Authenticator.objects.filter(user=user).exists()


def pending_of(user: User) -> FactorReset | None:
    return FactorReset.objects.filter(user=user, ended_at=None).first()


def by_token(token: str) -> FactorReset | None:
    """Return the pending reset that this token of a mail stops, or None."""
    return FactorReset.objects.filter(stop_digest=_digest(token), ended_at=None).first()


def stop(
    reset: FactorReset,
    why: ResetStop,
    *,
    client: ClientInfo,
    actor: User | None = None,
    note: str = "",
) -> bool:
    """Stop this reset, with the words of the operator in `note`. Returns False if it has ended before: it was stopped, or carried out."""
    with transaction.atomic():
        user = changes.lock(reset.user)
        if not _end(reset, FactorReset.Outcome.STOPPED):
            return False
        _tell_stopped(user, why, client=client, actor=actor, note=note)
    return True


def stop_pending(user: User, why: ResetStop, *, client: ClientInfo) -> bool:
    """Stop the reset that waits for this account. Returns False if there is none."""
    reset = pending_of(user)
    return reset is not None and stop(reset, why, client=client)


def carry_out_due() -> int:
    """Carry out the resets whose time has come. Returns how many. A failure stops no other one."""
    due = FactorReset.objects.filter(ended_at=None, due_at__lte=timezone.now())
    count = 0
    for reset in due.select_related("user").order_by("due_at")[:BATCH]:
        try:
            count += carry_out(reset)
        except Exception:
            log.exception("the reset %s was not carried out", reset.pk)
    return count


def carry_out(reset: FactorReset) -> bool:
    """Remove all factors of the account, and end all its sign-ins. Returns False if nothing changed.

    Stops the reset instead if its operator has lost the right to ask for it meanwhile.
    """
    with transaction.atomic():
        user, actor = changes.lock(reset.user), reset.asked_by
        if not reset.is_by_command and (actor is None or not may_ask(actor, user)):
            if _end(reset, FactorReset.Outcome.STOPPED):
                _tell_stopped(user, ResetStop.NOT_ALLOWED, client=ClientInfo())
            return False
        if not _end(reset, FactorReset.Outcome.DONE):
            return False
        is_removed = changes.remove_all(user, actor=actor)
        if is_removed:
            kind, note = AuditEvent.Type.FACTOR_RESET_DONE, reset.reason
            trail.record(kind, user=user, note=note, actor=actor)
            notices.factor_reset_done(user)
    return is_removed


def _end(reset: FactorReset, outcome: FactorReset.Outcome) -> bool:
    pending = FactorReset.objects.filter(pk=reset.pk, ended_at=None)
    return bool(pending.update(ended_at=timezone.now(), outcome=outcome))


def _tell_stopped(
    user: User,
    why: ResetStop,
    *,
    client: ClientInfo,
    actor: User | None = None,
    note: str = "",
) -> None:
    kind = AuditEvent.Type.FACTOR_RESET_STOPPED
    trail.record(kind, user=user, reason=why, actor=actor, client=client, note=note)
    notices.factor_reset_stopped(user)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
