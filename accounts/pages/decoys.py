"""Hide which addresses have an account from visitors who sign up and then sign in.

After a sign-up with a new address, a sign-in with its password says "prove your email first". With
the address of an account it would say "wrong password", and so tell that the account exists. So a
sign-up with such an address leaves a decoy: the hash of the password that was typed. For an hour a
sign-in with that password looks like one of an unproved account.
"""

import hashlib

from django.contrib.auth.hashers import check_password, make_password
from django.core.cache import cache

from accounts.people.models import User

SECONDS = 3600


def leave(email: str, password: str) -> None:
    """Leave a decoy. Takes as long as creating an account: one password hash."""
    cache.set(_key(email), make_password(password), SECONDS)


def is_hit(email: str, password: str) -> bool:
    """Is this the password of a decoy? Call only after the real password was found wrong."""
    hashed = cache.get(_key(email))
    return hashed is not None and check_password(password, hashed)


def even_out(user: User | None, password: str) -> None:
    """Take as long for an unproved account as `is_hit` takes for a decoy: one more hash."""
    if user is not None and user.last_login is None:
        make_password(password)


def _key(email: str) -> str:
    return f"decoy:{hashlib.sha256(email.encode()).hexdigest()}"
