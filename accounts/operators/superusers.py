"""Make a superuser in two steps: one superuser proposes, another one confirms.

Only superusers propose. If administrators could, a thief of one superuser's account could make an
administrator, and propose and confirm alone.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.audit import trail
from accounts.audit.vocabulary import EventType, Right
from accounts.errors import NotAllowedError
from accounts.mail import notices
from accounts.operators.acting import By, begin
from accounts.operators.models import Outcome, SuperuserProposal
from accounts.people.models import User

PERMISSION = "accounts.propose_superuser"
LIFETIME = timedelta(hours=24)


class Refusal(TextChoices):
    IS_SUPERUSER = "is_superuser", _("This user is a superuser already.")
    IS_DISABLED = "is_disabled", _("This account is disabled.")
    PENDING = "pending", _("A proposal for this user is open already.")
    ENDED = "ended", _("This proposal is over.")


def propose(user: User, by: By) -> SuperuserProposal | Refusal:
    """Propose that this user becomes a superuser. Raises as `begin` does, also for other operators."""
    with transaction.atomic():
        user = begin(user, by, PERMISSION)
        if not _is_superuser(by.actor):
            raise NotAllowedError
        if user.is_superuser:
            return Refusal.IS_SUPERUSER
        if not user.is_active:
            return Refusal.IS_DISABLED
        now = timezone.now()
        waiting = SuperuserProposal.objects.filter(user=user, ended_at=None)
        waiting.filter(expires_at__lte=now).update(ended_at=now, outcome=Outcome.STOPPED)
        if waiting.exists():
            return Refusal.PENDING
        proposal = SuperuserProposal.objects.create(
            user=user, asked_by=by.actor, reason=by.reason, expires_at=now + LIFETIME
        )
        trail.record(EventType.SUPERUSER_PROPOSED, user=user, **by.on_record)
    return proposal


def open_of(user: User) -> SuperuserProposal | None:
    waiting = SuperuserProposal.objects.filter(
        user=user, ended_at=None, expires_at__gt=timezone.now()
    )
    return waiting.select_related("asked_by").first()


def may_confirm(actor: User, proposal: SuperuserProposal) -> bool:
    """Return True for another superuser than the operator who proposed it."""
    is_another = actor.pk not in {proposal.asked_by_id, proposal.user_id}
    return actor.is_active and actor.is_staff and actor.is_superuser and is_another


def confirm(proposal: SuperuserProposal, by: By) -> bool:
    """Make the user a superuser, which ends the sign-ins of that user. Returns False if it is over.

    Call only after a fresh proof of the actor. Stops the proposal if its operator is no superuser any more.
    Raises as `begin` does, and `NotAllowedError` unless `may_confirm`.
    """
    with transaction.atomic():
        user = begin(proposal.user, by, PERMISSION)
        if not may_confirm(User.objects.get(pk=by.actor.pk), proposal):
            raise NotAllowedError
        is_valid = user.is_active and not user.is_superuser
        if not (is_valid and _is_superuser(proposal.asked_by)):
            _end(proposal, Outcome.STOPPED)
            return False
        if not _end(proposal, Outcome.DONE):
            return False
        user.is_staff = user.is_superuser = True
        user.save(update_fields=["is_staff", "is_superuser"])
        trail.record(
            EventType.RIGHTS_CHANGED,
            user=user,
            reason=Right.SUPERUSER_GRANTED,
            **by.on_record,
        )
        notices.operator_acted(user, notices.Act.MADE_SUPERUSER)
    return True


def stop(proposal: SuperuserProposal, by: By) -> bool:
    """Stop an open proposal. Returns False if it is over. Raises as `begin` does."""
    with transaction.atomic():
        user = begin(proposal.user, by, PERMISSION)
        if not _end(proposal, Outcome.STOPPED):
            return False
        trail.record(EventType.SUPERUSER_REFUSED, user=user, **by.on_record)
    return True


def _is_superuser(actor: User | None) -> bool:
    """Return True for a superuser as the database has it now."""
    rows = User.objects.filter(is_active=True, is_staff=True, is_superuser=True)
    return actor is not None and rows.filter(pk=actor.pk).exists()


def _end(proposal: SuperuserProposal, outcome: Outcome) -> bool:
    now = timezone.now()
    waiting = SuperuserProposal.objects.filter(pk=proposal.pk, ended_at=None, expires_at__gt=now)
    return bool(waiting.update(ended_at=now, outcome=outcome))
