"""Check the code that a user types as a second step, at any door."""

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
from accounts.factors import guesses
from accounts.factors.recovery_codes import codes
from accounts.factors.registry import FACTORS
from accounts.mail import notices
from accounts.people.models import User


def check(user: User | None, typed: str, *, client: ClientInfo, device: str = "") -> Authenticator:
    """Use up a code of any of the user's factors, and return the factor's row.

    Raises `ValidationError` for a wrong or used code, which says how many tries are left; and
    `TooManyRequestsError` and `StoreUnavailableError` as `guesses.count` does. `user` is None if
    the account was deleted meanwhile: then no code is right.
    """
    if user is None:
        raise _refusal(_("That isn't the code."))
    counted = guesses.count(user.pk, device=device)
    try:
        found = _spent(user, typed)
    except (DatabaseError, DecryptionError):
        guesses.give_back(counted)  # our own failure
        raise
    if found is None:
        reason = LoginFailure.WRONG_SECOND_STEP
        trail.record(AuditEvent.Type.LOGIN_FAILED, user=user, client=client, reason=reason)
        left = guesses.tries_left(counted)
        if not left:  # the next try is refused, so this is mailed once
            notices.second_step_guessed(user, client=client)
        raise _refusal(_wrong(left))
    guesses.give_back(counted)
    if found.type == FactorKind.RECOVERY_CODES:
        trail.record(AuditEvent.Type.RECOVERY_CODE_USED, user=user, client=client)
        notices.recovery_code_used(user, left=codes.left(found), client=client)
    return found


def _spent(user: User, typed: str) -> Authenticator | None:
    rows: list[Authenticator] = list(Authenticator.objects.filter(user=user))
    for row in rows:
        factor = FACTORS.get(row.type)
        if factor is not None and factor.is_shaped(typed) and factor.spend(row, typed):
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
