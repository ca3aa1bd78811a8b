"""Give each email address to the account that proved it first.

Anybody can type any address. So if an account proves an address, accounts that have it without
proof lose it.
"""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.people.models import User


@dataclass(frozen=True)
class Lost:
    """An account that lost an address by `claim`, and whether `claim` deleted it."""

    user: User
    user_id: UUID
    is_deleted: bool


def claim(email: str, *, owner_id: UUID | None) -> list[Lost]:
    """Take this address from accounts that never proved it, because `owner_id` has proved it now.

    `owner_id` is None for a user who is not saved yet. Deletes an account that signed up, proved no
    address and never signed in, because nobody can use it. An account with another proved address
    keeps that one. An account that an administrator prepared stays as it is (`is_unproved`).

    Returns the accounts that lost the address. Call `claims.claim` in `accounts.pages`, which calls this
    and records them.

    Compares the stored spelling exactly: PostgreSQL's case rules make some other letters equal.
    """
    email = User.objects.normalize_email(email)
    with transaction.atomic():
        claimants = User.objects.filter(emailaddress__email=email, emailaddress__verified=False)
        squatters = User.objects.filter(email=email, is_staff=False, is_superuser=False)
        if owner_id is not None:
            claimants = claimants.exclude(pk=owner_id)
            squatters = squatters.exclude(pk=owner_id)
        unproved = [user for user in squatters if is_unproved(user)]
        keepers = [user for user in claimants if user not in unproved]
        ids = {id(user): user.pk for user in [*unproved, *keepers]}  # a deleted one has none
        for user in keepers:
            user.emailaddress_set.filter(email=email, verified=False).delete()
        for user in squatters:
            proved = user.emailaddress_set.filter(verified=True).first()
            if user in unproved:
                user.delete()
            elif proved is not None:
                user.email = proved.email.lower()
                user.save(update_fields=["email"])
        deleted = [Lost(user, ids[id(user)], is_deleted=True) for user in unproved]
        return deleted + [Lost(user, user.pk, is_deleted=False) for user in keepers]


def is_kept(email: str, *, owner_id: UUID | None) -> bool:
    """Return True if another account keeps this address, although `owner_id` proves it now.

    The answer is True exactly if `claim` leaves the address to another account.
    """
    others = User.objects.all() if owner_id is None else User.objects.exclude(pk=owner_id)
    if others.filter(emailaddress__email=email, emailaddress__verified=True).exists():
        return True
    return not all(
        is_unproved(user) or (_has_proved(user) and not (user.is_staff or user.is_superuser))
        for user in others.filter(email=email)
    )


def _has_proved(user: User) -> bool:
    return user.emailaddress_set.filter(verified=True).exists()


def account_of(email: str) -> User | None:
    """Return the account that signs in with this address, or None.

    Returns None also for a disabled account, for a demo account outside `DEMO`, and for an account whose
    owner typed the address as its next one and hasn't proved it.
    """
    user = User.objects.filter(email=User.objects.normalize_email(email), is_active=True).first()
    return None if user is None or user.email in settings.REFUSED_EMAILS else user


def unproved_account(email: str) -> User | None:
    """Return the account that signed up with this address and never proved any, or None.

    Returns None also for an account that an administrator prepared (see `is_unproved`).
    """
    user = User.objects.filter(email=User.objects.normalize_email(email)).first()
    return user if user is not None and is_unproved(user) else None


def is_unproved(user: User) -> bool:
    """Return True if this account signed up, has proved no address, and never signed in.

    An account that an administrator prepared is never unproved. It has no address row, or it has rights
    or groups. Nor is one that came from another system (`accounts.moving.arrivals`).
    """
    if user.is_staff or user.is_superuser or user.last_login is not None:
        return False
    if user.external_ids.exists():
        return False
    states = list(user.emailaddress_set.values_list("verified", flat=True))
    return bool(states) and not any(states) and not user.groups.exists()


def disown_unproven(user: User) -> None:
    """Delete the connections, the name and the further profile of an account without a proved address.

    Call before a password reset proves its first address. A stranger may have signed up with this
    address, chosen the name and connected a provider, and could otherwise still sign in by that
    provider.
    """
    if _has_proved(user):
        return
    user.socialaccount_set.all().delete()
    user.display_name, user.extras = "", {}
    user.save(update_fields=["display_name", "extras"])
