"""Lift the limits that an account has reached, so that its owner need not wait."""

from collections.abc import Iterator
from contextlib import suppress

from allauth.account import app_settings
from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest

from accounts.audit import trail
from accounts.audit.vocabulary import EventType
from accounts.operators.acting import By, begin
from accounts.people.models import User
from accounts.store import counters
from accounts.store.outage import STORE_ERRORS

PERMISSION = "accounts.lift_limits"
APP = "allauth.account"


def lift(user: User, by: By) -> None:
    """Set all counts about this account to zero: wrong passwords and codes, mails, changes.

    Also those of known devices, and the account's share in the counts of networks. What a network did to
    other accounts stays counted, and so do the tries of one mailed code: a new code has new ones.
    Raises as `begin` does.
    """
    with transaction.atomic():
        user = begin(user, by, PERMISSION, also_on_self=True)
        trail.record(EventType.LIMITS_LIFTED, user=user, **by.on_record)
        abouts, keys = (user.email, str(user.pk)), list(_keys_of_allauth(user))
        transaction.on_commit(lambda: _clear(abouts, keys), robust=True)


def _clear(abouts: tuple[str, ...], keys: list[str]) -> None:
    # Without Redis the limits stay, and end by themselves.
    with suppress(*STORE_ERRORS):
        for about in abouts:
            counters.lift(about)
        cache.delete_many(keys)


def _keys_of_allauth(user: User) -> Iterator[str]:
    """Yield the keys of the limits that allauth counts for this account or its address."""
    for action, text in app_settings.RATE_LIMITS.items():
        for rate in ratelimit.parse_rates(text):
            if rate.per in {"key", "user"}:
                yield ratelimit.get_cache_key(
                    HttpRequest(), app=APP, action=action, rate=rate, key=user.email, user=user
                )
