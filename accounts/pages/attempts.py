"""One attempt to sign in by a password: count it, check the password, and settle the count once.

A door that can't give every answer makes the attempt and hands it on (`ENTRY`). So the attempt is counted
and the password is hashed once, whichever code answers.
"""

from dataclasses import dataclass
from typing import cast

from django.db import DatabaseError
from django.http import HttpRequest

from accounts.errors import TooManyRequestsError
from accounts.pages.backends import AuthenticationBackend
from accounts.people.managers import UserManager
from accounts.people.models import User
from accounts.signins import guesses
from accounts.signins.guesses import Guess
from accounts.store.outage import STORE_ERRORS

ENTRY = "accounts.attempt"
"""The member of the WSGI environ with an attempt that was made before. No header has this name."""


@dataclass
class Attempt:
    email: str
    """Normalised, as typed."""
    guess: Guess | None = None
    """The count, until it is settled."""
    user: User | None = None
    """The active account whose password it is."""
    error: Exception | None = None
    """The refusal by a limit, or the outage, that ended the attempt before its password was checked."""

    def succeed(self) -> None:
        """Uncount the attempt: its password was right. Does nothing the second time."""
        if self.guess is not None:
            guesses.succeed(self.guess)
        self.guess = None

    def give_back(self) -> None:
        """Uncount the attempt after an error of ours: five would lock out a user who knows the password."""
        if self.guess is not None:
            guesses.give_back(self.guess)
        self.guess = None


def count(email: str, *, network: str, device: str = "") -> Attempt:
    """Count an attempt. Call before the password is checked. `email` is normalised. Raises as `guesses.count`."""
    return Attempt(email, guesses.count(email, network=network, device=device))


def make(email: str, password: str, *, network: str) -> Attempt:
    """Count an attempt of a client without cookies, and check the password if no limit is reached.

    Returns it for `made_before`, also if the limits or the database refused it. The password must not be
    too long.
    """
    email = UserManager.normalize_email(email)
    try:
        attempt = count(email, network=network)
    except (TooManyRequestsError, *STORE_ERRORS) as error:
        return Attempt(email, error=error)
    try:
        found = AuthenticationBackend().authenticate(None, email=email, password=password)
        attempt.user = cast("User | None", found)
    except DatabaseError as error:
        attempt.give_back()
        attempt.error = error
    finally:
        AuthenticationBackend.unstash_authenticated_user()  # a disabled account, kept by allauth
    return attempt


def made_before(request: HttpRequest, email: str) -> Attempt | None:
    """Return the attempt that was handed on with this request, once. Raises what ended it, if something did."""
    attempt: Attempt | None = request.META.pop(ENTRY, None)
    if attempt is None or attempt.email != email:
        return None
    if attempt.error is not None:
        raise attempt.error
    return attempt
