"""Undo what another person may have done to an account whose owner reports: it wasn't me."""

from datetime import timedelta
from uuid import UUID

from allauth.account import app_settings
from allauth.account.utils import user_pk_to_url_str
from allauth.socialaccount.models import SocialAccount
from django.db.models import Q
from django.urls import reverse

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import ResetStop
from accounts.client_info import ClientInfo
from accounts.factors import resets
from accounts.factors.passkeys import enrolment as passkeys
from accounts.mail.denial_links import Denial
from accounts.operators import proposals
from accounts.people.models import User

NONE = Q(pk__in=[])
"""The condition for no connection."""
AT_MOST = timedelta(minutes=1)
"""The time from a new connection to its audit event. One request writes both."""


def undo(user: User, *, client: ClientInfo) -> None:
    """Let no passkey sign in alone, and stop what operators began. Call in the report's transaction.

    The other person may have added or stolen a passkey, and may have deceived the operator.
    """
    passkeys.demote_all(user)
    resets.stop_pending(user, ResetStop.BY_REPORT, client=client)
    proposals.stop_pending(user, ResetStop.BY_REPORT, {"client": client})


def made_by_others(denial: Denial) -> Q:
    """Return the condition for the connections that end by the report of this link.

    They are the one that the mail is about, and those since the mail: they would sign the other person in
    again.
    """
    return Q(pk=denial.connection) | Q(date_joined__gte=denial.made_at)


def made_in(event: AuditEvent) -> Q:
    """Return the condition for the connection that this event is about, if it is about one."""
    if event.type != AuditEvent.Type.SOCIAL_CONNECTED:
        return NONE
    when = (event.created_at - AT_MOST, event.created_at)
    return Q(provider=event.reason, date_joined__range=when)


def made_by(user: User, sid: UUID | None) -> Q:
    """Return the condition for the connections that this sign-in made."""
    type_ = AuditEvent.Type.SOCIAL_CONNECTED
    found = NONE
    for event in AuditEvent.objects.filter(user=user, type=type_, sid=sid) if sid else []:
        found |= made_in(event)
    return found


def disconnect(user: User, which: Q, *, client: ClientInfo) -> None:
    """End these connections of the account, also its last way to sign in, and write the audit log."""
    rows = SocialAccount.objects.filter(which, user=user)
    providers = list(rows.order_by("pk").values_list("provider", flat=True))
    rows.delete()  # of a queryset: the rule of the last way in is for the owner's own click
    for provider in providers:
        trail.record(AuditEvent.Type.SOCIAL_DISCONNECTED, user=user, reason=provider, client=client)


def reset_path(user: User) -> str:
    """Return the path of a new link for a new password, as allauth makes it."""
    key = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    uid = user_pk_to_url_str(user)
    return reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": key})
