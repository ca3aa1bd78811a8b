"""Connect a provider to an existing account with the same verified email, after one proof.

`note` stores the link in the session. Then we ask the owner to sign in to that account *for this
purpose*: a browser by a page, an app by a 409 answer. That sign-in makes the connection. Any other
sign-in in the same session forgets the link, because another person may have left it on a shared
machine. The proof is allauth's whole pipeline with all its stages: `pre_login` calls `begin` at its
start, `post_login` calls `complete` at its end.
"""

import logging
import secrets
import time
from dataclasses import asdict, dataclass, field, replace

from allauth.account.models import EmailAddress
from allauth.account.utils import filter_users_by_email
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts.people.models import User
from accounts.request import is_app, sign_in_of

log = logging.getLogger(__name__)

ENTRY = "social_link"
"""The session entry that holds the noted link."""
SECONDS = 15 * 60


@dataclass(frozen=True)
class Link:
    """One account at a provider, and the user to connect it to. Holds no token."""

    provider: str
    uid: str
    extra_data: dict[str, str]
    email: str
    user_id: str
    next: str = ""
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    noted_at: float = field(default_factory=time.time)
    is_begun: bool = False
    """A sign-in that proves this link has begun. An earlier sign-in proves nothing."""

    @property
    def is_fresh(self) -> bool:
        return time.time() - self.noted_at < SECONDS


def wanted(login: SocialLogin) -> Link | None:
    """Return the link that this first sign-in by a provider needs.

    Returns None if no account here has a verified email of the provider's account. Call after
    `claims.claim`: an account that still has the address then has proved it, or an administrator
    prepared it.
    """
    for address in login.email_addresses:
        if not address.verified:
            continue
        if owners := filter_users_by_email(address.email, prefer_verified=True):
            return of(login, email=address.email, user=owners[0])
    return None


def of(login: SocialLogin, *, email: str, user: User) -> Link:
    """Return the link that connects this sign-in's provider to the user with this email."""
    return Link(
        provider=login.account.provider,
        uid=login.account.uid,
        extra_data=login.account.extra_data,
        email=email,
        user_id=str(user.pk),
        next=login.state.get("next") or "",
    )


def note(request: HttpRequest, link: Link) -> None:
    request.session[ENTRY] = asdict(link)


def noted(request: HttpRequest) -> Link | None:
    """Return the link that waits for its proof, or None. A link waits for `SECONDS`."""
    try:
        link = Link(**request.session[ENTRY])
    except (KeyError, TypeError):  # none, or one that another release noted
        return None
    return link if link.is_fresh else None


def owner_of(link: Link) -> User | None:
    """Return the user of this link, or None if the user no longer has the link's address."""
    owners: list[User] = filter_users_by_email(link.email)
    return next((user for user in owners if str(user.pk) == link.user_id), None)


def forget(request: HttpRequest) -> None:
    request.session.pop(ENTRY, None)


def prove(request: HttpRequest, key: str) -> None:
    """Mark the sign-in of this request as the proof of the link with this key."""
    sign_in_of(request).link_key = key


def begin(request: HttpRequest) -> None:
    """Keep the noted link if this sign-in proves it; otherwise forget it.

    Call when a sign-in begins.
    """
    link = noted(request)
    if link is None or not _is_proof(request, link):
        forget(request)
    else:
        note(request, replace(link, is_begun=True))


def complete(request: HttpRequest, user: User) -> bool | None:
    """Connect the provider's account if this sign-in proved the noted link. Call at its end.

    Returns True if the user now has the connection, None if no link was proved or the address has
    changed, and False if another user has been connected to that account in the meantime.
    """
    link = noted(request)
    forget(request)
    if link is None or not link.is_begun or link.user_id != str(user.pk):
        return None
    address = EmailAddress.objects.filter(user=user, email__iexact=link.email, verified=True)
    if not address.exists():  # changed meanwhile
        return None
    if known := SocialAccount.objects.filter(provider=link.provider, uid=link.uid).first():
        return known.user_id == user.pk
    account = SocialAccount(provider=link.provider, uid=link.uid, extra_data=link.extra_data)
    login = SocialLogin(account=account, email_addresses=list(address))
    try:
        with transaction.atomic():
            login.connect(request, user)  # the row, the audit event, the mails
    except IntegrityError:
        log.warning("an account at %s was linked elsewhere meanwhile", link.provider)
        return False
    return True


def _is_proof(request: HttpRequest, link: Link) -> bool:
    """Return True if this sign-in was made for the link, by its page or button, the API or an app.

    An app needs no key, because its session belongs to one person only.
    """
    return sign_in_of(request).link_key == link.key or is_app(request)
