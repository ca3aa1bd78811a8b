"""Hide which addresses have an account from visitors who sign up and then sign in.

After a sign-up with a new address, a sign-in with its password says "prove your email first". With
the address of an account it would say "wrong password", and so tell that the account exists. So
each sign-up leaves a decoy for an hour: the hash of the password that was typed. A sign-in with
that password looks like one of an unproved account.

Sign-ups with new and with known addresses both leave one, and each sign-in checks the one that it
finds, so the time tells nothing either.
"""

import hashlib

from django.contrib.auth.hashers import check_password
from django.core.cache import cache

SECONDS = 3600


def leave(email: str, hashed: str) -> None:
    """Leave a decoy with this password hash. Call at each sign-up."""
    cache.set(_key(email), hashed, SECONDS)


def is_hit(email: str, password: str) -> bool:
    """Return True if this is the password of a decoy. Costs a password hash if there is a decoy."""
    hashed = cache.get(_key(email))
    return hashed is not None and check_password(password, hashed)


def _key(email: str) -> str:
    return f"decoy:{hashlib.sha256(email.encode()).hexdigest()}"
