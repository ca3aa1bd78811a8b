"""Check a code of an authenticator app, and accept each code once.

allauth marks used codes in the cache. A cache may lose a mark, so the row of the factor keeps the
time step of the last accepted code: no code of that step or an earlier one works again (RFC 6238
§5.2), also within the tolerance.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.mfa.utils import decrypt, encrypt
from django.utils import timezone

from accounts import encrypted
from accounts.typed import digits_in, letters_and_digits_in

STEP = "step"
"""Entry of `Authenticator.data`: the time step of the last accepted code."""

encrypted.mark_member("mfa.Authenticator", "data", "secret")


def is_shaped(answer: object) -> bool:
    plain = letters_and_digits_in(answer) if isinstance(answer, str) else ""
    return len(plain) == app_settings.TOTP_DIGITS and len(digits_in(plain)) == len(plain)


def step_in(data: Mapping[str, Any]) -> int:
    """Return the time step of the last accepted code in data that comes from a file; 0 if it has none.

    Also 0 for a step that is to come: no code would be right before it.
    """
    step = data.get(STEP)
    latest = max(yield_hotp_counters_from_time())
    return step if type(step) is int and 0 <= step <= latest else 0


def step_of(secret: str, typed: str) -> int | None:
    """Return the present time step whose code this is, or None. Allows `MFA_TOTP_TOLERANCE`."""
    code = digits_in(typed)
    found = None
    for step in yield_hotp_counters_from_time():  # each one, so that the time says nothing
        if secrets.compare_digest(code, format_hotp_value(hotp_value(secret, step))):
            found = step
    return found


def spend(authenticator: Authenticator, typed: str) -> bool:
    """Use this code up, and encrypt the secret under the first key. Of two requests, one wins.

    Returns False for a wrong or used code, or if the factor was removed meanwhile.
    """
    secret = decrypt(authenticator.data["secret"])
    step = step_of(secret, typed)
    if step is None:
        return False
    rows = Authenticator.objects.filter(pk=authenticator.pk, **{f"data__{STEP}__lt": step})
    data = authenticator.data | {STEP: step, "secret": encrypt(secret)}
    return bool(rows.update(data=data, last_used_at=timezone.now()))
