"""Decide whose an email address is: it belongs to the account that proved it first.

Anybody may type any address, so an address that is only claimed gives way to one that is proved.
"""

from uuid import UUID

from django.db import transaction

from accounts.people.models import User


def claim(email: str, *, owner_id: UUID | None) -> None:
    """Take the address from accounts that only claimed it, now that its owner has proved it.

    An account that never proved any address can't sign in, and nobody ever did: it is deleted. One
    that lives under another address loses the claim. Staff is left alone: somebody with rights
    made that account on purpose, and it may wait for its first sign-in.
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


def disown_unproven(user: User) -> None:
    """Forget what strangers put into an account before its first address is proved by a reset.

    A stranger may have signed up with this address, chosen a name and connected a provider. That
    stranger has proved nothing, and would share the account from now on.
    """
    if user.emailaddress_set.filter(verified=True).exists():
        return
    user.socialaccount_set.all().delete()
    user.display_name = ""
    user.save(update_fields=["display_name"])
