"""List what can sign in to an account beside its password, after a reset of the password.

A reset keeps all of it. A thief may have added some, so the owner must see it and know how to remove it.
"""

from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.http import HttpRequest

from accounts.audit.vocabulary import FactorKind
from accounts.factors.passkeys import credentials
from accounts.people.models import User

ENTRY = "was_reset"
"""Of the session: the account whose password this browser has just reset."""


@dataclass(frozen=True)
class WaysIn:
    passkeys: list[Authenticator]
    apps: list[Authenticator]
    connections: list[SocialAccount]

    def __bool__(self) -> bool:
        return bool(self.passkeys or self.apps or self.connections)

    @property
    def is_second_step(self) -> bool:
        return bool(self.passkeys or self.apps)


def of(user: User) -> WaysIn:
    """Return the passkeys, the authenticator app and the connections of this account."""
    apps = Authenticator.objects.filter(user=user, type=FactorKind.TOTP)
    connections = SocialAccount.objects.filter(user=user).order_by("pk")
    return WaysIn(credentials.of(user), list(apps), list(connections))


def context_of(user: User) -> dict[str, Any]:
    """Return what the mail about a reset needs."""
    return {"ways_in": of(user), "site_url": settings.SITE_URL}


def note(request: HttpRequest, user: User) -> None:
    """Let the next page of this browser list them. Call after this browser has reset the password."""
    request.session[ENTRY] = [str(user.pk), user.password_version.hex]


def take(request: HttpRequest) -> WaysIn | None:
    """Return them for the account whose password this browser has just reset, once."""
    noted = request.session.pop(ENTRY, None)
    if noted is None:
        return None
    pk, version = noted
    user = User.objects.filter(pk=pk, password_version=version, is_active=True).first()
    return of(user) if user else None
