"""Limit the mails that one network asks for: sign-ups, resets and codes.

A mail that its reader used is not counted: a class that signs up in one room has one network. So the limits
hold for mails that nobody has used. Another limit (`LIMIT_FORM`) counts all forms of a network, also refused ones,
and each address gets its own share of mails (`accounts.mail.sending`).
"""

from contextlib import suppress
from typing import Any

from django.http import HttpRequest

from accounts.errors import TooManyRequestsError
from accounts.request import client_of
from accounts.store import counters
from accounts.store.counters import Counter
from accounts.store.outage import STORE_ERRORS

KINDS = ("sign_up", "reset", "code")


def count(request: HttpRequest, kind: str, email: str) -> None:
    """Count one mail of this kind to this address. Call for each address, with an account or without.

    Raises `TooManyRequestsError`, and `StoreUnavailableError` if Redis doesn't answer.
    """
    if seconds := counters.take([_counter(request, kind, email)], about=email.lower()):
        raise TooManyRequestsError(seconds)


def used(request: HttpRequest, email: str) -> None:
    """Uncount the mails to this address. Call after the code or link in one of them was used.

    Only those that the same network asked for: on a phone, the mail may be read in another one.
    """
    with suppress(*STORE_ERRORS):  # without Redis they stay counted: a stricter limit
        counters.forgive(_counter(request, kind, email) for kind in KINDS)


class AsksForReset:
    """Make a form or input of allauth count the mail of a password reset. `save` sends it."""

    cleaned_data: dict[str, Any]

    def save(self, request: HttpRequest, **kwargs: Any) -> Any:
        count(request, "reset", self.cleaned_data["email"])
        return super().save(request, **kwargs)  # type: ignore[misc]  # of the form


def _counter(request: HttpRequest, kind: str, email: str) -> Counter:
    return counters.limit(kind), client_of(request).network, email.lower()
