"""Lift the limits that an account has reached, so that its owner need not wait."""

from django.db import transaction

from accounts.audit import trail
from accounts.audit.vocabulary import EventType
from accounts.factors import guesses as factor_guesses
from accounts.mail import sending
from accounts.operators.acting import By, begin
from accounts.people.models import User
from accounts.signins import guesses

PERMISSION = "accounts.lift_limits"


def lift(user: User, by: By) -> None:
    """Set the counts of wrong passwords and codes, and of mails of the day, to zero.

    Not those of known devices and of networks: they belong to others, too, or end within minutes.
    Raises as `begin` does.
    """
    with transaction.atomic():
        user = begin(user, by, PERMISSION, also_on_self=True)
        trail.record(EventType.LIMITS_LIFTED, user=user, **by.on_record)
        email, user_id = user.email, user.pk
        transaction.on_commit(lambda: guesses.forget(email), robust=True)
        transaction.on_commit(lambda: factor_guesses.forget(user_id), robust=True)
        transaction.on_commit(lambda: sending.forget(email), robust=True)
