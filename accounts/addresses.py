"""An e-mail address belongs to whoever proved it; anybody may have typed it before."""

from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from accounts.models import User


def claim(email: str, *, owner_id: UUID) -> None:
    """Take the address from accounts that only claimed it, now that its owner has proved it.

    An account that never proved any address can't sign in, and nobody ever did: it is deleted. One
    that lives under another address loses the claim.
    """
    with transaction.atomic():
        others = EmailAddress.objects.filter(email__iexact=email).exclude(user_id=owner_id)
        others.filter(verified=False).delete()
        squatters = User.objects.filter(email__iexact=email).exclude(pk=owner_id)
        for user in squatters:
            proved = EmailAddress.objects.filter(user=user, verified=True).first()
            if proved is None and user.last_login is None:
                user.delete()
            elif proved is not None:
                User.objects.filter(pk=user.pk).update(email=proved.email.lower())


def disown_unproven(user: User) -> None:
    """Remove the provider accounts of somebody who never signed in.

    Whoever resets the password has proved the address; whoever connected a provider before that
    has proved nothing, and would share the account from now on.
    """
    if user.last_login is None:
        SocialAccount.objects.filter(user=user).delete()
