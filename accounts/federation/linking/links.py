"""An address that a provider vouches for is an existing account's: link them by one proof.

The link is noted, the visitor asked on a page (an app: by a 409), and a sign-in to that account
made *for this purpose* links it. Any other sign-in in the same session forgets the link: on a
shared machine somebody may have left theirs. The proof is allauth's whole pipeline, whatever its
stages: `begin` is called where a sign-in begins, `complete` where it is done.
"""

import logging
import secrets
import time
from dataclasses import asdict, dataclass, field, replace

from allauth.account.models import EmailAddress
from allauth.account.utils import filter_users_by_email
from allauth.headless.constants import Client
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts.people.models import User

log = logging.getLogger(__name__)

ENTRY = "social_link"
"""Of the session."""
SECONDS = 15 * 60


@dataclass(frozen=True)
class Link:
    """One account at a provider, and whose it would become. No token of the provider."""

    provider: str
    uid: str
    extra_data: dict[str, str]
    email: str
    user_id: str
    next: str = ""
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    noted_at: float = field(default_factory=time.time)
    is_begun: bool = False
    """The sign-in under way is its proof. One that began before it was noted is none."""

    @property
    def is_fresh(self) -> bool:
        return time.time() - self.noted_at < SECONDS


def wanted(login: SocialLogin) -> Link | None:
    """The link that this first sign-in by a provider asks for; None for a newcomer.

    Call after `addresses.claim`: who still has the address has proved it, or is staff.
    """
    for address in login.email_addresses:
        if not address.verified:
            continue
        if owners := filter_users_by_email(address.email, prefer_verified=True):
            return Link(
                provider=login.account.provider,
                uid=login.account.uid,
                extra_data=login.account.extra_data,
                email=address.email,
                user_id=str(owners[0].pk),
                next=login.state.get("next") or "",
            )
    return None


def note(request: HttpRequest, link: Link) -> None:
    request.session[ENTRY] = asdict(link)


def noted(request: HttpRequest) -> Link | None:
    """The link that waits for its proof."""
    try:
        link = Link(**request.session[ENTRY])
    except (KeyError, TypeError):  # none, or one that another release noted
        return None
    return link if link.is_fresh else None


def owner_of(link: Link) -> User | None:
    """Whose the link would become, as long as the address is theirs."""
    owners: list[User] = filter_users_by_email(link.email)
    return next((user for user in owners if str(user.pk) == link.user_id), None)


def forget(request: HttpRequest) -> None:
    request.session.pop(ENTRY, None)


def prove(request: HttpRequest, key: str) -> None:
    """A sign-in that begins in this request is the proof for the link of this key."""
    request.link_key = key  # type: ignore[attr-defined]


def begin(request: HttpRequest) -> None:
    """A sign-in begins: unless it is the proof of the noted link, forget that link."""
    link = noted(request)
    if link is None or not _is_proof(request, link):
        forget(request)
    else:
        note(request, replace(link, is_begun=True))


def complete(request: HttpRequest, user: User) -> bool | None:
    """A sign-in is done: make the link that it proved. None: there was none.

    False: the provider's account was connected to another one meanwhile.
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
    """By the page, the button on it or the API, which name the link; or by the app that was told.

    An app's session is its own: nobody leaves a link in it for somebody else.
    """
    if getattr(request, "link_key", "") == link.key:
        return True
    headless = getattr(getattr(request, "allauth", None), "headless", None)
    return getattr(headless, "client", None) == Client.APP
