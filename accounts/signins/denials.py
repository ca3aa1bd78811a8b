"""Act on an owner's report "it wasn't me": end the sign-ins and make the password useless."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import Denied
from accounts.client_info import ClientInfo
from accounts.mail.denial_links import Denial
from accounts.people.models import User
from accounts.signins import sessions

Type = AuditEvent.Type


def deny(denial: Denial, *, keep: UUID | None, client: ClientInfo) -> User | None:
    """End all sign-ins of the account except `keep`, and make its password useless.

    `keep` must not be the sign-in that the mail is about. Everything that depends on the password ends with it:
    the sign-ins that are under way, the reset links, and the other links in notices. Cancels the deletion
    of the account, if the reported sign-in asked for it. Returns the account, or None if the link is void: used, or older than the present password. Of several requests
    at the same time one wins, by the lock on the user's row.
    """
    with transaction.atomic():
        users = User.objects.select_for_update(no_key=True)
        user = users.filter(pk=denial.user_id, is_active=True).first()
        if user is None or not denial.fits(user):
            return None
        # Also without a password: the value is random, so the link works once.
        user.set_unusable_password()
        user.save_password()
        record(user, about=denial.about, sid=denial.sid, client=client)
        if user.erase_at is not None and _is_deletion_of(denial):
            sessions.keep_account(user, sid=None, client=client, is_reported=True)
        sessions.revoke_all(
            user,
            reason=sessions.Reason.DENIED,
            keep=keep,
            client=client,
        )
    return user


def _is_deletion_of(denial: Denial) -> bool:
    """Return True if the reported sign-in asked for the deletion of the account.

    A report that names no sign-in is about all that somebody did since its mail.
    """
    events = AuditEvent.objects.filter(user=denial.user_id, type=Type.DELETION_REQUESTED)
    asked = events.order_by("-created_at", "-id").first()
    if asked is None:
        return False
    return asked.created_at >= denial.made_at if denial.sid is None else asked.sid == denial.sid


def record(user: User, *, about: Denied, sid: UUID | None, client: ClientInfo) -> None:
    """Write the report into the audit log."""
    trail.record(Type.ACTIVITY_DENIED, user=user, sid=sid, client=client, reason=about)


def followed(email: str, made_at: datetime) -> bool:
    """Return True if the owner of this account (a normalised email) reported something since then."""
    reports = AuditEvent.objects.filter(user__email=email, type=Type.ACTIVITY_DENIED)
    return reports.filter(created_at__gte=made_at).exists()


def is_done(denial: Denial) -> bool:
    """Return True if a report made this link void, and no new password followed."""
    types = [Type.ACTIVITY_DENIED, Type.PASSWORD_CHANGED, Type.PASSWORD_RESET]
    since = AuditEvent.objects.filter(
        user=denial.user_id, type__in=types, created_at__gte=denial.made_at
    )
    last = since.order_by("-created_at", "-id").values_list("type", flat=True).first()
    return last == Type.ACTIVITY_DENIED
