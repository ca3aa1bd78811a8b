"""What a provider reports about a person: a connection that ended there, an account in wrong hands.

A report ends sign-ins and connections. None ever opens, restores or approves anything.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import Alert
from accounts.mail import notices
from accounts.people.models import User
from accounts.signins import sessions

log = logging.getLogger(__name__)


def unlinked(provider: str, uid: str) -> None:
    """The connection is gone there: so it is here, with the sign-ins it opened."""
    with _connected(provider, uid) as (account, user):
        if account and user:
            account.is_gone_there = True  # type: ignore[attr-defined]  # read by `receivers`
            account.delete()
            trail.record(AuditEvent.Type.SOCIAL_UNLINKED, user=user, reason=provider)
            sessions.revoke_opened_by(provider, user, reason=sessions.Reason.PROVIDER)
            notices.unlinked(user, provider=provider)


def ended(provider: str, uid: str, *, event: Alert) -> None:
    """Its sign-ins or grants ended there: so do the sign-ins here that it opened."""
    with _connected(provider, uid) as (_, user):
        if user:
            trail.record(AuditEvent.Type.SOCIAL_ALERTED, user=user, reason=event)
            sessions.revoke_opened_by(provider, user, reason=sessions.Reason.PROVIDER)


def hijacked(provider: str, uid: str, *, event: Alert) -> None:
    """The account there is in wrong hands: every sign-in ends, and the owner hears of it."""
    with _connected(provider, uid) as (_, user):
        if user:
            trail.record(AuditEvent.Type.SOCIAL_ALERTED, user=user, reason=event)
            sessions.revoke_all(user, reason=sessions.Reason.PROVIDER)
            notices.hijacked(user, provider=provider)


def suspicious(provider: str, uid: str, *, event: Alert) -> None:
    """Somebody may know a password there. It is on record, for its owner and for support."""
    with _connected(provider, uid) as (_, user):
        if user:
            trail.record(AuditEvent.Type.SOCIAL_ALERTED, user=user, reason=event)


@contextmanager
def _connected(provider: str, uid: str) -> Iterator[tuple[SocialAccount | None, User | None]]:
    """The connection and its user, if there is one: locked, as `sessions.open` locks.

    All but the key: a sign-out, whose row we wait for, refers to it in the audit log.
    """
    with transaction.atomic():
        user = (
            User.objects.select_for_update(no_key=True)
            .filter(socialaccount__provider=provider, socialaccount__uid=uid)
            .first()
        )
        account = SocialAccount.objects.filter(provider=provider, uid=uid, user=user).first()
        if account is None:
            log.info("%s reports about somebody who isn't connected", provider)
        yield (account, user) if account else (None, None)
