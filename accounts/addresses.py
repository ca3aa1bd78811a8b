"""An e-mail address belongs to whoever proved it; anybody may have typed it before."""

from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from accounts.models import User


def claim(email: str, *, owner_id: UUID | None) -> None:
    """Take the address from accounts that only claimed it, now that its owner has proved it.

    An account that never proved any address can't sign in, and nobody ever did: it is deleted. One
    that lives under another address loses the claim. Staff is left alone: somebody with rights
    made that account on purpose, and it may wait for its first sign-in.
    """
    with transaction.atomic():
        others = EmailAddress.objects.filter(email__iexact=email, verified=False)
        squatters = User.objects.filter(email__iexact=email, is_staff=False, is_superuser=False)
        if owner_id is not None:
            others = others.exclude(user_id=owner_id)
            squatters = squatters.exclude(pk=owner_id)
        others.delete()
        for user in squatters:
            proved = EmailAddress.objects.filter(user=user, verified=True).first()
            if proved is None and user.last_login is None:
                user.delete()
            elif proved is not None:
                user.email = proved.email.lower()
                user.save(update_fields=["email"])


def disown_unproven(user: User) -> None:
    """Before an account's first address is proved by a reset: forget what others put into it.

    Whoever connected a provider, or chose a name, before that has proved nothing, and would share
    the account from now on.
    """
    if EmailAddress.objects.filter(user=user, verified=True).exists():
        return
    SocialAccount.objects.filter(user=user).delete()
    user.display_name = ""
    user.save(update_fields=["display_name"])
