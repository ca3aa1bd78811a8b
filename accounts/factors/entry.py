"""Check the answer that a user gives as a second step, at any door: a typed code, or a signature."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import FactorKind, LoginFailure
from accounts.client_info import ClientInfo
from accounts.errors import DecryptionError
from accounts.factors import guesses, refusals
from accounts.factors.passkeys import answers
from accounts.factors.passkeys.challenges import Purpose
from accounts.factors.passkeys.errors import PasskeyError, Why
from accounts.factors.recovery_codes import codes
from accounts.factors.registry import FACTORS
from accounts.mail import notices
from accounts.people.models import User
from accounts.store.outage import STORE_ERRORS


def check(user: User | None, answer: Any, *, client: ClientInfo, device: str = "") -> Authenticator:
    """Use up an answer of any of the user's factors, and return the factor's row.

    Raises `ValidationError` for a wrong or used answer; for a code it says how many tries are left.
    Raises `TooManyRequestsError` and `StoreUnavailableError` as `guesses.count` does. `user` is None
    if the account was deleted meanwhile: then no answer is right.
    """
    if user is None:
        raise _refusal(_("That isn't the code."))
    counted = guesses.count(user.pk, device=device)
    refused: ValidationError | None = None
    try:
        found = _spent(user, answer)
    except ValidationError as error:
        found, refused = None, error
    except (DatabaseError, DecryptionError, *STORE_ERRORS):
        guesses.give_back(counted)  # our own failure
        raise
    if found is None:
        _record(refused, user, LoginFailure.WRONG_SECOND_STEP, client=client)
        left = guesses.tries_left(counted)
        if not left:  # the next try is refused, so this is mailed once
            notices.second_step_guessed(user, client=client)
        if refused is None:
            refused = (
                _refusal(_wrong(left)) if isinstance(answer, str) else PasskeyError(Why.UNKNOWN)
            )
        raise refused
    guesses.give_back(counted)
    if found.type == FactorKind.RECOVERY_CODES:
        trail.record(AuditEvent.Type.RECOVERY_CODE_USED, user=user, client=client)
        notices.recovery_code_used(user, left=codes.left(found), client=client)
    return found


def check_sign_in(credential: dict[str, Any], *, client: ClientInfo) -> Authenticator:
    """Use up a passkey's answer that signs in, and return the passkey's row; its `user` signs in.

    Raises `PasskeyError`, also for a disabled account; and `TooManyRequestsError` and
    `StoreUnavailableError` as `refusals.count` does.
    """
    counted = refusals.count(client.network)
    try:
        row = answers.check(credential, Purpose.SIGN_IN)
    except (DatabaseError, *STORE_ERRORS):
        refusals.give_back(counted)  # our own failure
        raise
    except PasskeyError as error:
        reason = LoginFailure.WRONG_PASSKEY
        if error.user is not None and not error.user.is_active:
            reason = LoginFailure.USER_INACTIVE
        _record(error, error.user, reason, client=client)
        raise
    refusals.give_back(counted)
    return row


def _record(
    refused: ValidationError | None, user: User | None, reason: LoginFailure, *, client: ClientInfo
) -> None:
    """Write the refusal into the audit log. Warns the owner if a passkey may have a copy."""
    if isinstance(refused, PasskeyError) and refused.why == Why.CLONED and user is not None:
        reason = LoginFailure.CLONED_PASSKEY
        notices.passkey_cloned(user, client=client)
    trail.record(AuditEvent.Type.LOGIN_FAILED, user=user, client=client, reason=reason)


def _spent(user: User, answer: Any) -> Authenticator | None:
    rows: list[Authenticator] = list(Authenticator.objects.filter(user=user))
    for row in rows:
        factor = FACTORS.get(row.type)
        if factor is not None and factor.is_shaped(answer) and factor.spend(row, answer):
            row.user = user
            return row
    return None


def _wrong(left: int) -> str:
    if left < 1:
        return _("That isn't the code, or it was used already. No tries are left for now.")
    return ngettext(
        "That isn't the code, or it was used already. You have %(count)s try left.",
        "That isn't the code, or it was used already. You have %(count)s tries left.",
        left,
    ) % {"count": left}


def _refusal(text: str) -> ValidationError:
    return ValidationError(text, code="incorrect_code")
