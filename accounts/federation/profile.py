"""Define the few facts about a person that we take from a provider, and read them safely."""

from dataclasses import dataclass
from typing import Any

MAX_EMAIL_CHARACTERS = 254
MAX_NAME_CHARACTERS = 80


@dataclass(frozen=True)
class Profile:
    """One account at a provider.

    `is_email_verified` is True only if the provider says that the email is this person's now.
    """

    uid: str
    email: str = ""
    is_email_verified: bool = False
    name: str = ""


@dataclass(frozen=True)
class Proof:
    """The result of verifying a native app's token.

    `profile` is the person. `used` has the fingerprint of each token, and when the token expires (in
    seconds since 1970).
    """

    profile: Profile
    used: dict[str, float]
    auth_time: int | None = None
    """When the person signed in at the provider, if the token says so."""


def mapping(value: Any) -> dict[str, Any]:
    """Return the value if it is an object; otherwise {}."""
    return value if isinstance(value, dict) else {}


def text(value: Any, *, limit: int) -> str:
    """Return the value as text that every database accepts, cut to `limit` characters.

    Removes NUL and lone surrogates. Returns '' for a value that isn't text.
    """
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "ignore").decode().replace("\x00", "").strip()[:limit]


def address(value: Any) -> str:
    """Return the email, or '' if it is too long: a cut address would be another one.

    Returns '' also for letters outside ASCII before the `@`: in lower case, some are those of another mailbox.
    """
    email = text(value, limit=MAX_EMAIL_CHARACTERS + 1)
    is_usual = email.rpartition("@")[0].isascii()
    return email if is_usual and len(email) <= MAX_EMAIL_CHARACTERS else ""
