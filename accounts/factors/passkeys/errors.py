"""Define the refusals of passkeys: one family of `ValidationError`, told apart by `code`."""

from enum import StrEnum
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from accounts.people.models import User


class Why(StrEnum):
    """The `code` of a refusal. Programs read it."""

    UNREADABLE = "passkey_unreadable"
    EXPIRED = "passkey_expired"
    UNKNOWN = "passkey_unknown"
    REFUSED = "passkey_refused"
    UNVERIFIED = "passkey_unverified"
    CLONED = "passkey_cloned"
    KNOWN = "passkey_known"
    TOO_MANY = "passkey_too_many"


class PasskeyError(ValidationError):
    """The answer of a passkey proves nothing. The message is for people.

    `user` is the account that the answer named, if the site knows it.
    """

    def __init__(self, why: Why, user: "User | None" = None) -> None:
        super().__init__(_text(why), code=why.value)
        self.why, self.user = why, user


def _text(why: Why) -> str:
    return {
        Why.UNREADABLE: _("The browser's answer is not readable. Please try again."),
        Why.EXPIRED: _("That took too long, or the answer was used already. Please try again."),
        Why.UNKNOWN: _("This site doesn't know that passkey. It may have been removed here."),
        Why.REFUSED: _("That passkey was not accepted. Please try again."),
        Why.UNVERIFIED: _("Your device must check that it is you: by PIN, fingerprint or face."),
        Why.CLONED: _(
            "That passkey was not accepted, because a copy of it may exist. Sign in another way, "
            "then remove it and add a new one."
        ),
        Why.KNOWN: _("This passkey was added already."),
        Why.TOO_MANY: _("An account has at most 20 passkeys. Remove one first."),
    }[why]
