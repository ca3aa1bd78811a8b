"""Describe a kind of second factor: its name and how a code of it is checked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    is_shaped: Callable[[str], bool]
    """Return True if the typed text could be a code of this kind. Costs nothing."""
    spend: Callable[[Authenticator, str], bool]
    """Use the typed code up by one atomic write. Returns False if it is wrong or used."""
