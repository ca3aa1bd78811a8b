"""End sign-ins of others, and ask for the deletion of an account."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.audit import trail
from accounts.audit.vocabulary import EventType
from accounts.mail import notices
from accounts.operators.acting import By, begin
from accounts.people.models import User
from accounts.signins import erasure, sessions
from accounts.signins.models import AuthSession

PERMISSION = "accounts.change_authsession"
PERMISSION_TO_DELETE = "accounts.delete_user"
PERMISSION_TO_EXPORT = "accounts.export_user"


def end(user: User, by: By, sid: UUID) -> bool:
    """End this sign-in. Returns False if it has ended, or is not of this user. Raises as `begin` does."""
    with transaction.atomic():
        user = begin(user, by, PERMISSION, also_on_self=True)
        session = (
            AuthSession.objects.for_user(user.pk).select_related("user").filter(pk=sid).first()
        )
        if session is None or not sessions.revoke(
            session,
            reason=sessions.Reason.ADMIN,
            actor=by.actor,
            client=by.client,
            note=by.reason,
        ):
            return False
        notices.operator_acted(user, notices.Act.SIGN_IN_ENDED)
    return True


def end_all(user: User, by: By) -> int:
    """End all sign-ins of this user. Returns how many. Raises as `begin` does."""
    with transaction.atomic():
        user = begin(user, by, PERMISSION, also_on_self=True)
        ended = sessions.revoke_all(
            user,
            reason=sessions.Reason.ADMIN,
            actor=by.actor,
            client=by.client,
            note=by.reason,
        )
        if ended:
            notices.operator_acted(user, notices.Act.SIGN_INS_ENDED)
    return ended


def delete(user: User, by: By) -> datetime:
    """Ask for the deletion, as the owner could. Returns its time.

    Raises as `begin` and `erasure.request` do.
    """
    with transaction.atomic():
        user = begin(user, by, PERMISSION_TO_DELETE)
        return erasure.request(user, client=by.client, actor=by.actor, note=by.reason)


def export(user: User, by: By) -> None:
    """Record that the operator takes a copy of the data, and mail the owner. Raises as `begin` does."""
    with transaction.atomic():
        user = begin(user, by, PERMISSION_TO_EXPORT, also_on_self=True)
        trail.record(EventType.DATA_EXPORTED, user=user, **by.on_record)
        notices.operator_acted(user, notices.Act.EXPORTED)
