"""Define the operator's choices for one import."""

from dataclasses import dataclass

from accounts.moving.hashes import FirebaseParameters


@dataclass(frozen=True)
class Options:
    firebase: FirebaseParameters | None = None
    trusts_emails: bool = False
    """True: an address is proved if its source doesn't say."""
    keeps_staff: bool = False
    keeps_groups: bool = False
