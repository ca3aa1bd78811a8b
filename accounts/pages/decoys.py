"""Hide which addresses have an account from visitors who sign up and then sign in.

After a sign-up with a new address, a sign-in with its password gets the answer "prove your email first".
After a sign-up with the address of an account it would get "wrong password", which shows that the account
exists. So each sign-up leaves a decoy for an hour: the hash of the typed password, encrypted. A sign-in
with that password then gets the same answer as one of an unproved account.

Sign-ups with new and with known addresses both leave a decoy, and each sign-in compares its password with
the decoy that it finds. So both take the same time.
"""

import hashlib

from allauth.account.adapter import get_adapter
from allauth.core.ratelimit import consume
from django.contrib.auth.hashers import check_password
from django.core.cache import cache
from django.http import HttpRequest

from accounts.encryption import decrypt, encrypt
from accounts.errors import DecryptionError

SECONDS = 3600


def leave(email: str, hashed: str) -> None:
    """Leave a decoy with this password hash. Call at each sign-up."""
    cache.set(_key(email), encrypt(hashed), SECONDS)


def is_hit(email: str, password: str) -> bool:
    """Return True if this is the password of a decoy. Costs a password hash if there is a decoy."""
    sealed = cache.get(_key(email))
    if sealed is None:
        return False
    try:
        return check_password(password, decrypt(sealed))
    except DecryptionError:  # its key was taken away
        return False


def refuse_if_just_mailed(request: HttpRequest, email: str) -> None:
    """Answer a sign-in by a decoy as one of an unproved account that has just got a code.

    Raises the `ValidationError` of allauth's login form, while no new code may be mailed.
    """
    if not consume(request, action="confirm_email", key=email, dry_run=True):
        raise get_adapter().validation_error("too_many_login_attempts")


def _key(email: str) -> str:
    return f"decoy:{hashlib.sha256(email.encode()).hexdigest()}"
