"""Decide whose sign-ins need a second factor, and from when on.

The settings `MFA_REQUIRED_FOR` and `MFA_REQUIRED_FROM` say for whom and from which day on the policy is
in force, and `MFA_GRACE_DAYS` how long an account may still sign in without.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.factors.models import GracePeriod
from accounts.people.models import User

GROUP = "group:"


def named() -> Q:
    """Return the condition for the accounts that the policy names."""
    who: str = settings.MFA_REQUIRED_FOR
    if who.startswith(GROUP):
        return Q(groups__name=who.removeprefix(GROUP))
    return {"all": Q(), "staff": Q(is_staff=True)}.get(who, Q(pk__in=[]))


def applies(user: User) -> bool:
    """Return True if the policy names this account, now or from the day on that is set."""
    who: str = settings.MFA_REQUIRED_FOR
    if who.startswith(GROUP):
        return user.groups.filter(name=who.removeprefix(GROUP)).exists()
    return who == "all" or (who == "staff" and user.is_staff)


def is_in_force(user: User) -> bool:
    """Return True if the policy names this account now. Its grace period may still last."""
    day = settings.MFA_REQUIRED_FROM
    return (day is None or timezone.localdate() >= day) and applies(user)


def begin_grace(user: User) -> None:
    """Start the grace period of an account that signs in under the policy, unless it has started.

    Of two sign-ins at once, one writes the row.
    """
    if settings.MFA_GRACE_DAYS and is_in_force(user):
        GracePeriod.objects.get_or_create(user=user)


def grace_ends(user: User) -> datetime | None:
    """Return when the grace period of this account ends, or None if it never started."""
    period = GracePeriod.objects.filter(user=user).first() if settings.MFA_GRACE_DAYS else None
    return period.started_at + timedelta(days=settings.MFA_GRACE_DAYS) if period else None


def is_due(user: User) -> bool:
    """Return True if this account may no longer sign in without a second factor.

    Call after `begin_grace`: without a row, the grace period counts as over.
    """
    if not is_in_force(user):
        return False
    ends = grace_ends(user)
    return ends is None or timezone.now() >= ends
