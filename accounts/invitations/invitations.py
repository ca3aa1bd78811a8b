"""Invite an address, send the link again, revoke it, find it by its token, and spend it once."""

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import EmailField, QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts.audit import trail
from accounts.audit.vocabulary import EventType
from accounts.client_info import ClientInfo
from accounts.invitations.models import Invitation
from accounts.mail import notices
from accounts.people import addresses
from accounts.people.managers import UserManager
from accounts.people.models import User

TOKEN_BYTES = 32
KEEP = timedelta(days=30)
"""How long an invitation without an account is kept for the list: it has a stranger's address."""


def invite(
    email: str,
    *,
    lifetime: timedelta | None = None,
    locale: str = "",
    by: User | None = None,
    client: ClientInfo | None = None,
) -> Invitation:
    """Mail a link to this address. Returns the row.

    If an unused invitation exists, this sends a new link for it, and the former link stops working.
    """
    email = UserManager.normalize_email(email)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = timezone.now()
    expires_at = now + (lifetime or settings.INVITATION_LIFETIME)
    values = {"digest": _digest(token), "sent_at": now, "expires_at": expires_at, "invited_by": by}
    if locale:
        values["locale"] = locale
    with transaction.atomic():
        invitation, _is_new = Invitation.objects.unused().update_or_create(
            email=email, defaults=values
        )
        trail.record(EventType.INVITATION_SENT, identifier=email, actor=by, client=client)
        url = settings.SITE_URL + reverse("accounts:invitation", args=[token])
        notices.invited(email, locale=invitation.locale, url=url, expires_at=expires_at)
    return invitation


def are_useless() -> bool:
    """Return True if no link opens the sign-up, so that a mail with one would lead nowhere."""
    return bool(settings.SIGN_UP == "closed")


def has_account(email: str) -> bool:
    """Return True if an account has this address, other than one that was never proved.

    It may be a further address of that account.
    """
    email = UserManager.normalize_email(email)
    user = User.objects.filter(email=email).first()
    if user is not None and not addresses.is_unproved(user):
        return True
    return User.objects.filter(emailaddress__email=email, emailaddress__verified=True).exists()


def validate(email: str) -> None:
    """Raise `ValidationError` for what is no address, or one that the column can't hold.

    Call with the normal form: a domain such as `한국.kr` is longer there.
    """
    EmailField().run_validators(email)


def revoke(
    invitation: Invitation, *, by: User | None = None, client: ClientInfo | None = None
) -> bool:
    """Make the link useless. Returns False if it was accepted or revoked before."""
    with transaction.atomic():
        row = Invitation.objects.unused().filter(pk=invitation.pk)
        if not row.update(revoked_at=timezone.now()):
            return False
        trail.record(
            EventType.INVITATION_REVOKED, identifier=invitation.email, actor=by, client=client
        )
    return True


def of_link(token: str) -> Invitation | None:
    """Return the invitation whose last link has this token, also one that is used or has ended."""
    return Invitation.objects.filter(digest=_digest(token)).first() if token else None


def by_token(token: str) -> Invitation | None:
    """Return the open invitation of a link, or None."""
    found = of_link(token)
    return found if found is not None and found.is_open else None


def is_open(email: str) -> bool:
    """Return True if this address may sign up. Call only for an address that the caller has proved."""
    return Invitation.objects.open().filter(email=UserManager.normalize_email(email)).exists()


def spend(email: str) -> UUID | None:
    """Use up the open invitation of this address, in the caller's transaction. Returns its id, or None.

    One conditional write decides, so two sign-ups at the same time can't both use it.
    """
    found = Invitation.objects.open().filter(email=UserManager.normalize_email(email)).first()
    if found is None:
        return None
    row = Invitation.objects.open().filter(pk=found.pk)
    return found.pk if row.update(accepted_at=timezone.now()) else None


def accept(email: str, user: User) -> None:
    """Use up the open invitation of an address that this account has proved, by whatever way.

    Call in the transaction that saves the proof. Nobody needs the link any more.
    """
    if (invitation_id := spend(email)) is not None:
        belongs(invitation_id, user)


def belongs(invitation_id: UUID, user: User) -> None:
    """Note the account that the invitation led to: its deletion deletes the invitation, too.

    Of two invited addresses, only the first belongs to the account. `old` finds the second one.
    """
    if not Invitation.objects.filter(user=user).exists():
        Invitation.objects.filter(pk=invitation_id).update(user=user)


def old() -> QuerySet[Invitation]:
    """Return the invitations that no account belongs to, some time after their end."""
    return Invitation.objects.filter(user=None, expires_at__lt=timezone.now() - KEEP)


def prune() -> int:
    """Delete old invitations. Returns their number."""
    return old().delete()[0]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
