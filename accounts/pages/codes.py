"""Check mailed codes: accept any way of typing, limit the tries, accept each code once.

allauth keeps the code and its counter of wrong tries in the session of the browser or app that
asked for it. Two requests at once read the same session, so they could exceed that counter or use
one code twice. These checks count in Redis, each with one atomic write.
"""

import hashlib
import secrets
from contextlib import suppress
from typing import Any

from allauth.core import context
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.request import sign_in_of
from accounts.store import counters
from accounts.store.counters import Limit
from accounts.store.outage import STORE_ERRORS
from accounts.typed import digits_in

LIFETIME_SECONDS = 600
"""Seconds that a code is valid (ASVS 6.5.5)."""
USES = Limit("code_use", 1, LIFETIME_SECONDS)
TRIES = "code_tries"


def check(
    typed: str, expected: str, *, session_key: str, is_spent: bool = True
) -> tuple[Limit, str]:
    """Count this try. If the code is right, uncount the try and mark the code as used.

    Raises `ValidationError` for a wrong or used code; it says how many tries are left. Raises
    `StoreUnavailableError` if Redis doesn't answer. With `is_spent=False` a right code stays
    unused.
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
    return USES, code


def give_back(request: HttpRequest) -> None:
    """Let the code of this request be used again: the answer is an error of ours."""
    sign_in = sign_in_of(request)
    use, sign_in.spent_code = sign_in.spent_code, None
    if use is not None:
        # If Redis is down, the visitor has a new code sent.
        with suppress(*STORE_ERRORS):
            counters.give_back([use])


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
    """Make one of allauth's forms or inputs check its code by `check`."""

    code_field = "code"

    def check_code(self, expected: str) -> None:
        """Check the typed code by `check`, then replace it by `expected`, which allauth compares.

        Raises as `check` does. A GET doesn't mark the code as used.
        """
        form: Any = self
        request = context.request
        is_spent = request.method != "GET"
        use = check(
            form.cleaned_data[self.code_field],
            expected,
            session_key=request.session.session_key or "",
            is_spent=is_spent,
        )
        if is_spent:
            sign_in_of(request).spent_code = use
        form.cleaned_data[self.code_field] = expected
