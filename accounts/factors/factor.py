"""Describe a kind of second factor: its name and how an answer of it is checked.

An answer is what a person gives: a code as typed, or a signature that a device made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from allauth.mfa.models import Authenticator

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Factor:
    id: str
    """allauth's `Authenticator.Type`. Programs read it in `factors`."""
    label: "StrOrPromise"
    amr: tuple[str, ...]
    """The RFC 8176 values of a sign-in that used it."""
    is_enough: bool
    """True if an account that has it is asked for a second step. Recovery codes only stand in."""
    is_shaped: Callable[[Any], bool]
    """Return True if the answer could be of this kind. Costs nothing."""
    spend: Callable[[Authenticator, Any], bool]
    """Use the answer up by one atomic write. Returns False if it is wrong or used.

    Raises `ValidationError` for a wrong one whose text says more.
    """
