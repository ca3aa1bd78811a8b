"""Act on a provider's report: a connection ended at the provider, or an account was stolen.

A report only ends sign-ins and connections. It never opens, restores or approves anything. For an
account that isn't connected here, these functions only log a line.
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
    """Delete the connection that ended at the provider, end its sign-ins and mail its owner."""
    with _connected(provider, uid) as (account, user):
        if account and user:
            account.is_gone_there = True  # type: ignore[attr-defined]  # read by `receivers`
            account.delete()
            trail.record(AuditEvent.Type.SOCIAL_UNLINKED, user=user, reason=provider)
            sessions.revoke_opened_by(provider, user, reason=sessions.Reason.PROVIDER)
            notices.unlinked(user, provider=provider)


def ended(provider: str, uid: str, *, event: Alert) -> None:
    """End the sign-ins that the provider opened, because the provider reported `event`."""
    with _connected(provider, uid) as (_, user):
        if user:
            trail.record(AuditEvent.Type.SOCIAL_ALERTED, user=user, reason=event)
            sessions.revoke_opened_by(provider, user, reason=sessions.Reason.PROVIDER)


def hijacked(provider: str, uid: str, *, event: Alert) -> None:
    """End every sign-in of the user and send a mail: the account at the provider was stolen."""
    with _connected(provider, uid) as (_, user):
        if user:
            trail.record(AuditEvent.Type.SOCIAL_ALERTED, user=user, reason=event)
            sessions.revoke_all(user, reason=sessions.Reason.PROVIDER)
            notices.hijacked(user, provider=provider)


def suspicious(provider: str, uid: str, *, event: Alert) -> None:
    """Record that another person may know the password at the provider. Ends nothing."""
    with _connected(provider, uid) as (_, user):
        if user:
            trail.record(AuditEvent.Type.SOCIAL_ALERTED, user=user, reason=event)


@contextmanager
def _connected(provider: str, uid: str) -> Iterator[tuple[SocialAccount | None, User | None]]:
    """Yield the connection and its user, or two Nones. Locks the user, as `sessions.open` does.

    Runs in one transaction. The lock is `no_key`, because a sign-out at the same time inserts an
    audit row that refers to the user: with a full lock each would wait for the other.
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
