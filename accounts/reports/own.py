"""Take the report "it wasn't me" of a signed-in owner: by the own pages or by the API."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import Denied
from accounts.client_info import ClientInfo
from accounts.mail import notices
from accounts.people.models import User
from accounts.reports import effects
from accounts.signins import denials, sessions

DENIABLE: dict[str, Denied] = {
    AuditEvent.Type.EMAIL_CHANGED: Denied.EMAIL,
    AuditEvent.Type.FACTOR_ADDED: Denied.FACTOR,
    AuditEvent.Type.FACTOR_REMOVED: Denied.FACTOR,
    AuditEvent.Type.LOGIN_SUCCEEDED: Denied.SIGN_IN,
    AuditEvent.Type.PASSWORD_CHANGED: Denied.PASSWORD,
    AuditEvent.Type.PASSWORD_RESET: Denied.PASSWORD,
    AuditEvent.Type.RECOVERY_CODE_USED: Denied.FACTOR,
    AuditEvent.Type.RECOVERY_CODES_REPLACED: Denied.FACTOR,
    AuditEvent.Type.SOCIAL_CONNECTED: Denied.CONNECTION,
}
"""The events that an owner can report."""


@dataclass(frozen=True)
class Subject:
    """What a report is about: its kind, the sign-in, and the connections that end by it."""

    about: Denied
    sid: UUID | None
    connections: Q


@dataclass(frozen=True)
class Filed:
    """The account after the report. With `needs_password` its old password no longer works."""

    user: User
    needs_password: bool


def can_be_denied(event: AuditEvent, *, here: UUID) -> bool:
    """Return True if its owner can report this event. Nobody can report an act of the sign-in `here`."""
    return event.type in DENIABLE and event.sid != here and event.actor_id is None


def sign_in(user: User, sid: UUID, *, here: UUID) -> Subject | None:
    """Return the subject for this sign-in, or None if it isn't the user's, or is the reporting one."""
    if sid == here or not user.auth_sessions.filter(pk=sid).exists():
        return None
    return Subject(Denied.SIGN_IN, sid, effects.made_by(user, sid))


def event(user: User, pk: int, *, here: UUID) -> Subject | None:
    """Return the subject for this event of the user, or None if it can't be reported."""
    found = AuditEvent.objects.filter(user=user, pk=pk, type__in=DENIABLE).first()
    if found is None or not can_be_denied(found, here=here):
        return None
    connections = effects.made_in(found) | effects.made_by(user, found.sid)
    return Subject(DENIABLE[found.type], found.sid, connections)


def file(user: User, subject: Subject, *, keep: UUID, client: ClientInfo) -> Filed:
    """End all sign-ins except `keep`, and make the password useless. Call only after a fresh proof.

    The owner gets a mail with the link for a new password, because a thief could report, too. But not
    after a report of a changed address: the present one may be the thief's.
    """
    with transaction.atomic():
        owner = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        had_password = owner.has_usable_password()
        if had_password:
            owner.set_unusable_password()
            owner.save_password()
        denials.record(owner, about=subject.about, sid=subject.sid, client=client)
        effects.disconnect(owner, subject.connections, client=client)
        sessions.revoke_all(owner, reason=sessions.Reason.DENIED, keep=keep, client=client)
        effects.undo(owner, client=client)
        may_mail_key = had_password and subject.about is not Denied.EMAIL
        path = effects.reset_path(owner) if may_mail_key else ""
        notices.denied(owner, reset_path=path, client=client, is_by_link=False)
    return Filed(owner, needs_password=had_password)
