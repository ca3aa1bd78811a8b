"""Decide whether a visitor may make an account: `SIGN_UP` is open, by invitation or closed.

allauth asks `is_open` before it shows a form. `admit` is the one check that counts: every door that makes
an account calls it in the transaction that saves the user. `require_open_to_finish` is the check of
doors that finish an account which somebody began while sign-up was open.
"""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.errors import InvitedOtherEmailError, SignUpClosedError
from accounts.invitations import invitations
from accounts.invitations.models import Invitation
from accounts.people import addresses
from accounts.people.managers import UserManager
from accounts.people.models import User
from accounts.request import sign_in_of

ENTRY = "invitation"
"""The entry of the session with the token of a link."""
HEADER = "X-Invitation"
"""The header by which an app sends the token of a link."""
OPEN, INVITATION, CLOSED = MODES = ("open", "invitation", "closed")


def presented(request: HttpRequest) -> Invitation | None:
    """Return the open invitation whose link this visitor has opened, or None."""
    session: Any = getattr(request, "session", None)
    token = request.headers.get(HEADER, "") or (session.get(ENTRY, "") if session else "")
    return invitations.by_token(str(token))


def proved_by(login: Any) -> list[str]:
    """Return the addresses that the provider of this `SocialLogin` verified."""
    return [address.email for address in login.email_addresses if address.verified]


def is_open(request: HttpRequest, *, proved: Iterable[str] = ()) -> bool:
    """Return True if this visitor may begin to sign up. `proved`: addresses that a provider verified.

    An address that was only typed opens nothing: the answer would tell who is invited.
    """
    if settings.SIGN_UP == INVITATION:
        return presented(request) is not None or any(map(invitations.is_open, proved))
    return settings.SIGN_UP == OPEN


def admit(request: HttpRequest, email: str, *, proved: Iterable[str] = ()) -> None:
    """Allow a new account with this address, and spend its invitation. Raises `SignUpClosedError`.

    Call in the transaction that saves the user, and call `settle` after it is saved.
    """
    email = UserManager.normalize_email(email)
    link = presented(request) if settings.SIGN_UP != CLOSED else None
    by_link = link is not None and link.email == email
    by_provider = email in {UserManager.normalize_email(each) for each in proved}
    sign_in = sign_in_of(request)
    sign_in.invitation = None
    if by_link or (by_provider and settings.SIGN_UP != CLOSED):
        sign_in.invitation = invitations.spend(email)
    if sign_in.invitation is None and settings.SIGN_UP != OPEN:
        if link is not None and not by_link:
            raise InvitedOtherEmailError
        raise SignUpClosedError
    # The link was mailed to this address, so its reader has proved it.
    sign_in.proved_email = email if by_link and sign_in.invitation else ""


def settle(request: HttpRequest, user: User) -> None:
    """Note the account of the invitation that `admit` spent, if it spent one."""
    invitation = sign_in_of(request).invitation
    if invitation is not None:
        invitations.belongs(invitation, user)


def require_open_to_finish(user: User) -> None:
    """Raise `SignUpClosedError` if this would finish a sign-up, unless everybody may sign up.

    Somebody began it while sign-up was open, and proved no address. Call before an address of the
    account counts as proved. An invited person makes a new account instead.
    """
    if settings.SIGN_UP != OPEN and addresses.is_unproved(user):
        raise SignUpClosedError
