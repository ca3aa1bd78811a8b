"""Propose another email for an account. It counts after its new owner has proved it by a link.

The addresses of the account get a mail at once, whose link stops the change, and the change waits a day
for that, as a reset of factors does. So nobody gets an account at once, neither a caller who deceives an
operator nor the operator. Only a change that takes nothing from anybody follows the proof (`_delay`).
"""

import hashlib
import logging
import secrets
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import EventType, ResetStop
from accounts.client_info import ClientInfo
from accounts.mail import notices, sending
from accounts.operators.acting import By, begin
from accounts.operators.models import EmailProposal, Outcome
from accounts.people import addresses, authority
from accounts.people.models import User
from accounts.signins import sessions

PERMISSION = "accounts.propose_email"
LIFETIME = timedelta(days=3)
"""Time in which the new owner can prove the address, after the waiting time."""
BATCH = 100

log = logging.getLogger(__name__)


class Refusal(TextChoices):
    TAKEN = "taken", _("Another account has this email.")
    PENDING = "pending", _("A change of this account is pending already.")
    TOO_MANY = "too_many", _("No mail was sent: this address got its share of today.")
    PROVED = "proved", _("This account has proved this email already.")
    RESET_PENDING = (
        "reset_pending",
        _(
            "You asked for a reset of the second factors of this account. Another operator must ask for the "
            "second change."
        ),
    )


def propose(user: User, by: By, *, email: str) -> EmailProposal | Refusal:
    """Mail the link that proves this address. Returns the proposal, or a refusal. Raises as `begin` does.

    The present address of the account is possible, too, if it was never proved.
    """
    email = User.objects.normalize_email(email)
    with transaction.atomic():
        user = begin(user, by, PERMISSION)
        if user.emailaddress_set.filter(email=email, verified=True, primary=True).exists():
            return Refusal.PROVED
        if addresses.is_kept(email, owner_id=user.pk):
            return Refusal.TAKEN
        now = timezone.now()
        waiting = EmailProposal.objects.filter(user=user, ended_at=None)
        waiting.filter(expires_at__lte=now).update(ended_at=now, outcome=Outcome.STOPPED)
        if waiting.exists():
            return Refusal.PENDING
        if user.factor_resets.filter(ended_at=None, asked_by=by.actor).exists():
            return Refusal.RESET_PENDING
        if not sending.may_send(email, network=by.client.network):
            return Refusal.TOO_MANY
        proof, stop_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        due_at = now + _delay(user, email)
        proposal = EmailProposal.objects.create(
            user=user,
            email=email,
            asked_by=by.actor,
            reason=by.reason,
            due_at=due_at,
            expires_at=due_at + LIFETIME,
            proof_digest=_digest(proof),
            stop_digest=_digest(stop_token),
        )
        trail.record(EventType.EMAIL_PROPOSED, user=user, identifier=email, **by.on_record)
        notices.email_proposed(user, email=email, token=proof)
        notices.email_about_to_change(user, email=email, due_at=due_at, token=stop_token)
    return proposal


def open_of(user: User) -> EmailProposal | None:
    waiting = EmailProposal.objects.filter(user=user, ended_at=None, expires_at__gt=timezone.now())
    return waiting.select_related("asked_by").first()


def by_proof(token: str) -> EmailProposal | None:
    """Return the open proposal that this token of the mail to the new address proves, or None."""
    return _by(proof_digest=_digest(token))


def by_stop(token: str) -> EmailProposal | None:
    """Return the open proposal that this token of the mail to the former address stops, or None."""
    return _by(stop_digest=_digest(token))


def prove(proposal: EmailProposal, *, client: ClientInfo) -> bool:
    """Note that the owner of the new address agrees. The change follows when it is due.

    Returns True if the address counts now.
    """
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(pk=proposal.user_id)
        waiting = EmailProposal.objects.filter(pk=proposal.pk, ended_at=None, proved_at=None)
        if waiting.update(proved_at=timezone.now()):
            trail.record(
                EventType.EMAIL_VERIFIED, user=user, identifier=proposal.email, client=client
            )
        return carry_out(proposal)


def stop(
    proposal: EmailProposal, why: ResetStop, *, client: ClientInfo, by: By | None = None
) -> bool:
    """Stop the change. Returns False if it is over. With `by`, raises as `begin` does."""
    with transaction.atomic():
        if by is None:
            user = User.objects.select_for_update(no_key=True).get(pk=proposal.user_id)
        else:
            user = begin(proposal.user, by, PERMISSION)
        return _stop(proposal, user, why, by.on_record if by else {"client": client})


def stop_pending(user: User, why: ResetStop, record: dict[str, Any]) -> bool:
    """Stop the change that waits for this account. Returns False if there is none.

    Call in the transaction that locked the user's row. `record` is for `trail.record`.
    """
    proposal = EmailProposal.objects.filter(user=user, ended_at=None).first()
    return proposal is not None and _stop(proposal, user, why, record)


def carry_out_due() -> int:
    """Carry out the proved changes whose time has come. Returns how many. A failure stops no other one."""
    due = EmailProposal.objects.filter(
        ended_at=None, proved_at__isnull=False, due_at__lte=timezone.now()
    )
    count = 0
    for proposal in due.select_related("user").order_by("due_at")[:BATCH]:
        try:
            count += carry_out(proposal)
        except Exception:
            log.exception("the email of %s was not changed", proposal.user_id)
    return count


def carry_out(proposal: EmailProposal) -> bool:
    """Give the account its new email, and end all its sign-ins. Returns False if it is too early or over.

    Stops the change if the operator may no longer ask for it, another account has proved the address, or
    the account was reported or locked meanwhile.
    """
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(pk=proposal.user_id)
        proposal.refresh_from_db()
        # The account may have got an owner meanwhile.
        due_at = max(proposal.due_at, proposal.created_at + _delay(user, proposal.email))
        if proposal.ended_at or not proposal.proved_at or due_at > timezone.now():
            return False
        actor = proposal.asked_by
        is_allowed = actor is not None and authority.may(actor, PERMISSION, user)
        is_kept = addresses.is_kept(proposal.email, owner_id=user.pk)
        if not is_allowed or is_kept or _is_in_doubt(proposal):
            stop(proposal, ResetStop.NOT_ALLOWED, client=ClientInfo())
            return False
        if not _end(proposal, Outcome.DONE):
            return False
        former = notices.addresses_of(user)
        _give(user, proposal.email)
        trail.record(EventType.EMAIL_CHANGED, user=user, actor=actor, note=proposal.reason)
        sessions.revoke_all(user, reason=sessions.Reason.ADMIN, actor=actor, note=proposal.reason)
        told = {*former, proposal.email}
        notices.operator_acted(user, notices.Act.EMAIL_CHANGED, to=sorted(told))
    return True


def _give(user: User, email: str) -> None:
    """Make this the one proved address. A stranger may have chosen the password of an unproved account."""
    if not _is_proved(user):
        addresses.disown_unproven(user)
        user.set_unusable_password()
        user.save_password()
    user.emailaddress_set.exclude(email=email).delete()
    row = user.emailaddress_set.filter(email=email).first() or EmailAddress(user=user, email=email)
    row.verified = row.primary = True
    row.save()
    user.email = email
    user.save(update_fields=["email"])


def _delay(user: User, email: str) -> timedelta:
    """Return the time for which the change waits: none if it proves the present address, or if nobody has
    ever used the account."""
    if not _is_proved(user):
        is_fresh = addresses.is_unproved(user) and not user.external_ids.exists()
        if is_fresh or email == user.email:
            return timedelta()
    return timedelta(seconds=settings.MFA_RESET_DELAY_SECONDS)


def _is_proved(user: User) -> bool:
    return bool(user.emailaddress_set.filter(verified=True).exists())


def _by(**digest: str) -> EmailProposal | None:
    waiting = EmailProposal.objects.filter(ended_at=None, expires_at__gt=timezone.now(), **digest)
    return waiting.select_related("user").first()


def _is_in_doubt(proposal: EmailProposal) -> bool:
    """Return True if the account was reported or locked after the proposal."""
    since = AuditEvent.objects.filter(user=proposal.user_id, created_at__gte=proposal.created_at)
    return since.filter(type__in=[EventType.ACTIVITY_DENIED, EventType.ACCOUNT_LOCKED]).exists()


def _stop(proposal: EmailProposal, user: User, why: ResetStop, record: dict[str, Any]) -> bool:
    if not _end(proposal, Outcome.STOPPED):
        return False
    kind, email = EventType.EMAIL_PROPOSAL_STOPPED, proposal.email
    trail.record(kind, user=user, identifier=email, reason=why, **record)
    return True


def _end(proposal: EmailProposal, outcome: Outcome) -> bool:
    waiting = EmailProposal.objects.filter(pk=proposal.pk, ended_at=None)
    return bool(waiting.update(ended_at=timezone.now(), outcome=outcome))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
