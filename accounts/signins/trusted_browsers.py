"""Remember the browsers in which the owner of an account wants no second step for some days.

A random token in the browser's cookie names the row, which has only a hash of it. The trust is bound to
the account and to a fingerprint of its factors, which the caller computes. It ends with every act that
ends a browser's sign-in from elsewhere (`sessions.revoke`, `sessions.revoke_all`).
"""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.people.models import User
from accounts.signins.models import AuthSession, TrustedBrowser


def is_allowed(user: User) -> bool:
    """Return True if this account may trust a browser. Accounts with rights in the admin may not."""
    is_on = settings.MFA_TRUSTED_BROWSER_DAYS > 0
    return is_on and not (user.is_staff or user.is_superuser)


def of(user: User, *, fingerprint: str) -> QuerySet[TrustedBrowser]:
    """Return the browsers that this account trusts now, newest first."""
    if not is_allowed(user):
        return TrustedBrowser.objects.none()
    rows = TrustedBrowser.objects.filter(user=user, fingerprint=fingerprint)
    return rows.filter(created_at__gt=_oldest()).order_by("-created_at", "-id")


def find(user: User, tokens: Collection[str], *, fingerprint: str) -> TrustedBrowser | None:
    """Return the trust that one of the browser's tokens proves for this account, or None."""
    digests = [_digest(token) for token in tokens]
    return of(user, fingerprint=fingerprint).filter(digest__in=digests).first()


def use(trusted_id: UUID, session: AuthSession, *, user: User, fingerprint: str) -> bool:
    """Note that this trust stood in for the second step of `session`, which is open already.

    Returns False if the trust has ended meanwhile: then end the sign-in. The UPDATE waits for a
    `revoke_all` that deletes the row at the same time.
    """
    row = of(user, fingerprint=fingerprint).filter(pk=trusted_id)
    return bool(row.update(last_used_at=timezone.now(), sid=session.pk))


def remember(
    session: AuthSession, *, former: Collection[str], fingerprint: str, client: ClientInfo
) -> str | None:
    """Trust the browser of this sign-in. Returns the token for its cookie.

    `former` are the tokens that the browser has: those of this account end. Returns None if the
    account may trust none, or if the sign-in has ended meanwhile. Call only after the second step.
    """
    user, token = cast("User", session.user), secrets.token_urlsafe(32)
    if not is_allowed(user):
        return None
    with transaction.atomic():
        digests = [_digest(each) for each in former]
        TrustedBrowser.objects.filter(user=user, digest__in=digests).delete()
        # Lock the sign-in, so that its end at the same time deletes the new row, or is seen here.
        # Trusted browsers are locked before sign-ins everywhere, which prevents deadlocks.
        active = AuthSession.objects.active().select_for_update(of=["self"])
        if not active.filter(pk=session.pk):
            return None
        TrustedBrowser.objects.create(
            user=user,
            digest=_digest(token),
            fingerprint=fingerprint,
            sid=session.pk,
            ip=client.ip,
            user_agent=client.user_agent,
        )
        trail.record(
            AuditEvent.Type.TRUSTED_BROWSER_ADDED, user=user, sid=session.pk, client=client
        )
    return token


def end(trusted_id: UUID, *, user: User, client: ClientInfo) -> bool:
    """Ask this browser for the second step again. Returns False if the account doesn't trust it."""
    with transaction.atomic():
        deleted, _ = TrustedBrowser.objects.filter(pk=trusted_id, user=user).delete()
        if deleted:
            trail.record(AuditEvent.Type.TRUSTED_BROWSER_ENDED, user=user, client=client)
    return bool(deleted)


def prune() -> int:
    """Delete the rows that are too old. Returns how many."""
    deleted, _ = old().delete()
    return deleted


def old() -> QuerySet[TrustedBrowser]:
    return TrustedBrowser.objects.filter(created_at__lte=_oldest())


def _oldest() -> datetime:
    return timezone.now() - timedelta(days=settings.MFA_TRUSTED_BROWSER_DAYS)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
