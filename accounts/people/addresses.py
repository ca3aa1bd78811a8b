"""Give each email address to the account that proved it first.

Anybody can type any address. So if an account proves an address, accounts that have it without
proof lose it.
"""

from uuid import UUID

from django.db import transaction

from accounts.people.models import User


def claim(email: str, *, owner_id: UUID | None) -> None:
    """Take this address from accounts that never proved it, because `owner_id` has proved it now.

    `owner_id` is None for a user who is not saved yet. Deletes an account that proved no address
    and had no sign-in, because nobody can use it. An account with another proved address keeps that
    one. Staff accounts stay as they are: an administrator made them, and they may wait for their
    first sign-in.
    """
    with transaction.atomic():
        claimants = User.objects.filter(
            emailaddress__email__iexact=email, emailaddress__verified=False
        )
        squatters = User.objects.filter(email__iexact=email, is_staff=False, is_superuser=False)
        if owner_id is not None:
            claimants = claimants.exclude(pk=owner_id)
            squatters = squatters.exclude(pk=owner_id)
        for user in claimants:
            user.emailaddress_set.filter(email__iexact=email, verified=False).delete()
        for user in squatters:
            proved = user.emailaddress_set.filter(verified=True).first()
            if proved is None and user.last_login is None:
                user.delete()
            elif proved is not None:
                user.email = proved.email.lower()
                user.save(update_fields=["email"])


def unproved_account(email: str) -> User | None:
    """Return the account that signed up with this address and never proved any, or None.

    Never an account that an administrator prepared: it has no address row, or rights, or groups.
    """
    user = User.objects.filter(email=User.objects.normalize_email(email)).first()
    return user if user is not None and is_unproved(user) else None


def is_unproved(user: User) -> bool:
    """Has this account signed up, proved no address, and never signed in?"""
    if user.is_staff or user.is_superuser or user.last_login is not None:
        return False
    states = list(user.emailaddress_set.values_list("verified", flat=True))
    return bool(states) and not any(states) and not user.groups.exists()


def disown_unproven(user: User) -> None:
    """Delete the connections and the name of an account without a proved address.

    Call before a password reset proves its first address. A stranger may have signed up with this
    address, chosen the name and connected a provider, and could otherwise still sign in by that
    provider.
    """
    if user.emailaddress_set.filter(verified=True).exists():
        return
    user.socialaccount_set.all().delete()
    user.display_name = ""
    user.save(update_fields=["display_name"])
