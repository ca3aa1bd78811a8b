"""Decide whose sign-ins need a second factor: the settings `MFA_REQUIRED_FOR` and `MFA_REQUIRED_FROM`."""

from django.conf import settings
from django.utils import timezone

from accounts.people.models import User

GROUP = "group:"


def applies(user: User) -> bool:
    """Return True if the policy names this account, now or from the day on that is set."""
    who: str = settings.MFA_REQUIRED_FOR
    if who.startswith(GROUP):
        return user.groups.filter(name=who.removeprefix(GROUP)).exists()
    return who == "all" or (who == "staff" and user.is_staff)


def is_due(user: User) -> bool:
    """Return True if this account may no longer sign in without a second factor."""
    day = settings.MFA_REQUIRED_FROM
    return (day is None or timezone.localdate() >= day) and applies(user)
