"""What a provider says about a person, cut down to what is used here."""

from dataclasses import dataclass
from typing import Any

MAX_EMAIL_CHARACTERS = 254
MAX_NAME_CHARACTERS = 80


@dataclass(frozen=True)
class Profile:
    """One account at a provider. `is_email_verified`: the provider vouches for it fully."""

    uid: str
    email: str = ""
    is_email_verified: bool = False
    name: str = ""


@dataclass(frozen=True)
class Proof:
    """A native app's token, verified: whom it names, and what to remember of it until when."""

    profile: Profile
    fingerprint: str
    expires_at: float
    auth_time: int | None = None
    """When the person signed in at the provider, if the token says so."""


def mapping(value: Any) -> dict[str, Any]:
    """An object inside an answer; an empty one where something else stands."""
    return value if isinstance(value, dict) else {}


def text(value: Any, *, limit: int) -> str:
    """A string that every database takes: no NUL, no lone surrogates, no longer than this."""
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "ignore").decode().replace("\x00", "").strip()[:limit]


def address(value: Any) -> str:
    """An e-mail of a length that fits; a longer one would be another address when cut."""
    email = text(value, limit=MAX_EMAIL_CHARACTERS + 1)
    return email if len(email) <= MAX_EMAIL_CHARACTERS else ""
