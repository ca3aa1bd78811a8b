"""Check mailed codes: typed in any form, tried a few times, used once.

allauth keeps the code in the session of the browser or app that asked for it, and its own counter
of wrong tries there, too. Two requests at once read the same session, so that counter can be beaten
and one code used twice. These checks count in Redis, each with one atomic write.
"""

import hashlib
import secrets
import unicodedata
from typing import Any

from allauth.core import context
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.store import counters
from accounts.store.counters import Limit

LIFETIME_SECONDS = 600
"""How long a code works (ASVS 6.5.5)."""
USES = Limit("code_use", 1, LIFETIME_SECONDS)
TRIES = "code_tries"


def digits_in(typed: str) -> str:
    """Return the digits of what a visitor typed or pasted, such as "1234-5678", in any script."""
    return "".join(str(unicodedata.digit(each)) for each in typed if each.isdigit())


def check(typed: str, expected: str, *, session_key: str, is_spent: bool = True) -> None:
    """Count this try and, if the code is right, its only use.

    Raises `ValidationError` for a wrong or used code; it says how many tries are left. Raises
    `StoreUnavailableError` if Redis doesn't answer. With `is_spent=False` a right code stays usable.
    """
    code = hashlib.sha256(f"{session_key}:{expected}".encode()).hexdigest()
    tries = counters.limit(TRIES)
    if counters.take([(tries, code)]):
        raise _refusal(_("This code was typed wrong too often. Have a new code sent."))
    if not expected or not secrets.compare_digest(digits_in(typed), digits_in(expected)):
        left = tries.amount - counters.taken((tries, code))
        raise _refusal(_wrong(left))
    counters.give_back([(tries, code)])
    if is_spent and counters.take([(USES, code)]):
        raise _refusal(_("This code has been used already. Have a new code sent."))


def _wrong(left: int) -> str:
    if left < 1:
        return _("That isn't the code. It can't be tried again: have a new code sent.")
    return ngettext(
        "That isn't the code. You have %(count)s try left.",
        "That isn't the code. You have %(count)s tries left.",
        left,
    ) % {"count": left}


def _refusal(text: str) -> ValidationError:
    return ValidationError(text, code="incorrect_code")


class ChecksCode:
    """Make one of allauth's forms or inputs for codes check its code by `check`."""

    code_field = "code"

    def check_code(self, expected: str) -> None:
        """Put the expected code in the place of the typed one, if they are equal."""
        form: Any = self
        request = context.request
        check(
            form.cleaned_data[self.code_field],
            expected,
            session_key=request.session.session_key or "",
            is_spent=request.method != "GET",
        )
        form.cleaned_data[self.code_field] = expected
