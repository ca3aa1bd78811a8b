"""Check mailed codes: compare only the digits, limit the tries, accept each code once.

allauth keeps the code and its counter of wrong tries in the session of the browser or app that
asked for it. Two requests at once read the same session, so they could exceed that counter or use
one code twice. These checks count in Redis, each with one atomic write.
"""

import hashlib
import secrets
from contextlib import suppress
from typing import Any
from uuid import UUID

from allauth.account.internal.flows.email_verification_by_code import (
    EMAIL_VERIFICATION_CODE_SESSION_KEY,
)
from allauth.account.internal.stagekit import get_pending_stage
from allauth.account.stages import LoginByCodeStage
from allauth.core import context
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.audit import trail
from accounts.audit.vocabulary import EventType, LoginFailure
from accounts.people.models import User
from accounts.request import client_of, sign_in_of
from accounts.store import counters
from accounts.store.counters import Limit
from accounts.store.engine import SID
from accounts.store.outage import STORE_ERRORS
from accounts.typed import digits_in

LIFETIME_SECONDS = 600
"""Seconds that a code is valid (ASVS 6.5.5)."""
USES = Limit("code_use", 1, LIFETIME_SECONDS)
TRIES = "code_tries"
ALARM = Limit("code_alarm", 1, LIFETIME_SECONDS)


class WrongCodeError(ValidationError):
    """A wrong or used code. `tries_left` is the number of further tries that this code allows."""

    def __init__(self, text: str, *, tries_left: int = 0) -> None:
        super().__init__(text, code="incorrect_code")
        self.tries_left = tries_left


class TriesUsedUpError(WrongCodeError):
    """The last try was wrong, so that even the right code is refused now. Raised once for each code."""


def check(typed: str, expected: str, *, holder: str, is_spent: bool = True) -> tuple[Limit, str]:
    """Count this try. If the code is right, uncount the try and mark the code as used.

    `holder` tells apart the same code in two sessions. It must not change while the code is valid.
    Returns the mark, which `give_back` removes. With `is_spent=False` a right code stays unused.

    Raises `WrongCodeError`, with the number of tries left, for a wrong or used code. Raises its subclass
    `TriesUsedUpError`, once, for the last try. Raises `StoreUnavailableError` if Redis doesn't answer.
    """
    code = hashlib.sha256(f"{holder}:{expected}".encode()).hexdigest()
    tries = counters.limit(TRIES)
    if counters.take([(tries, code)]):
        raise WrongCodeError(_("Too many wrong tries for this code. Ask for a new code."))
    if not expected or not secrets.compare_digest(digits_in(typed), digits_in(expected)):
        left = tries.amount - counters.taken((tries, code))
        if left < 1 and not counters.take([(ALARM, code)]):
            raise TriesUsedUpError(_wrong(left), tries_left=left)
        raise WrongCodeError(_wrong(left), tries_left=left)
    counters.give_back([(tries, code)])
    if is_spent and counters.take([(USES, code)]):
        raise WrongCodeError(_("This code has been used already. Ask for a new code."))
    return USES, code


def unguessable() -> str:
    """Return a code of 256 bits, for an attempt whose code nobody may type."""
    return str(secrets.randbits(256))


def forget_unmailed(request: HttpRequest, state: dict[str, Any]) -> None:
    """Replace the code of this attempt by an unguessable one, if its mail was not sent.

    The limits of mails then also limit guessing: each code allows some tries. Call after sending.
    """
    if sign_in_of(request).is_mail_withheld:
        state["code"] = unguessable()


class OnlyMailed:
    """Make a process of allauth accept only codes that were mailed (`forget_unmailed`)."""

    request: HttpRequest
    state: dict[str, Any]

    def send(self, skip_enumeration_mails: bool = False) -> None:
        super().send(skip_enumeration_mails)  # type: ignore[misc]  # of the process
        forget_unmailed(self.request, self.state)


def give_back(request: HttpRequest) -> None:
    """Allow another use of this request's code. Call if the request fails by an error of ours."""
    sign_in = sign_in_of(request)
    use, sign_in.spent_code = sign_in.spent_code, None
    if use is not None:
        # Without Redis the code stays used, and the visitor needs a new one.
        with suppress(*STORE_ERRORS):
            counters.give_back([use])


def record_tries(request: HttpRequest) -> None:
    """Record that the tries of this request's code are used up, with its account if there is one.

    For a sign-in by code this is `login.failed`, as for a wrong password. One row for a code: a row
    for each try would let a stranger fill the log.
    """
    stage = get_pending_stage(request)  # None for a user who is signed in
    if stage is not None and stage.key == LoginByCodeStage.key:
        _record_sign_in(request, stage.login.user, email=stage.state["email"])
        return
    state = request.session.get(EMAIL_VERIFICATION_CODE_SESSION_KEY, {})
    user = stage.login.user if stage else request.user
    sid = request.session.get(SID)
    trail.record(
        EventType.CODE_REFUSED,
        user=user if isinstance(user, User) else None,
        identifier=state.get("email", ""),
        sid=UUID(sid) if sid else None,
        client=client_of(request),
    )


def _record_sign_in(request: HttpRequest, user: Any, *, email: str) -> None:
    if user is None:
        reason = LoginFailure.UNKNOWN_USER
    else:
        reason = LoginFailure.WRONG_CODE if user.is_active else LoginFailure.USER_INACTIVE
    trail.record(
        EventType.LOGIN_FAILED,
        user=user,
        identifier=email,
        client=client_of(request),
        reason=reason,
    )


def _holder(request: HttpRequest) -> str:
    """Return the user who is signed in, otherwise the session.

    A proof or a new password gives a user's session a new id, which must not give new tries.
    """
    user = request.user
    return str(user.pk) if user.is_authenticated else request.session.session_key or ""


def _wrong(left: int) -> str:
    if left < 1:
        return _("That isn't the code. You have no tries left. Ask for a new code.")
    return ngettext(
        "That isn't the code. You have %(count)s try left.",
        "That isn't the code. You have %(count)s tries left.",
        left,
    ) % {"count": left}


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
        try:
            use = check(
                form.cleaned_data[self.code_field],
                expected,
                holder=_holder(request),
                is_spent=is_spent,
            )
        except TriesUsedUpError:
            record_tries(request)
            raise
        if is_spent:
            sign_in_of(request).spent_code = use
        form.cleaned_data[self.code_field] = expected
