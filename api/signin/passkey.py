"""Sign an API client in by a passkey, in two calls: `ask` makes a challenge, `with_credential` takes the answer.

Redis keeps the challenge under its hash, so the caller needs no token between the two calls.
"""

from typing import Any

from allauth.account.internal.stagekit import get_pending_stage
from allauth.account.models import EmailAddress, Login
from allauth.mfa.webauthn.internal.flows import perform_passwordless_login
from django.http import HttpRequest

from accounts.errors import InactiveUserError
from accounts.factors import entry
from accounts.factors.passkeys import challenges, credentials, options
from accounts.factors.passkeys.challenges import Purpose
from accounts.factors.passkeys.errors import PasskeyError, Why
from accounts.request import client_of, sign_in_of
from accounts.signins.models import AuthSession
from api.exceptions import EmailUnverified, LoginIncomplete, PasskeyRefused
from api.signin import second_step
from api.signin.apart import session_apart

SECONDS = challenges.SECONDS


def ask(request: HttpRequest, *, mfa_token: str = "") -> dict[str, Any]:
    """Return the request options of a new challenge, which is valid for `SECONDS`.

    Without `mfa_token` they are the same for all callers. With it, they are for the second step of that
    sign-in. Raises `MfaTokenRefused`, `PasskeyRefused` if that account has no passkey, and
    `STORE_ERRORS` if Redis is down.
    """
    if not mfa_token:
        return options.request(Purpose.SIGN_IN)
    user = second_step.user_of(request, mfa_token)
    if not credentials.of(user):
        # A device would offer the passkeys of all accounts, which are no second step of this one.
        raise PasskeyRefused(PasskeyError(Why.UNKNOWN))
    return options.request(Purpose.SECOND_STEP, user)


def with_credential(request: HttpRequest, *, credential: dict[str, Any]) -> AuthSession:
    """Open a sign-in by the answer of a passkey and return its row.

    Raises `PasskeyRefused`, `EmailUnverified`, `LoginIncomplete` or `TooManyRequestsError`, and
    `STORE_ERRORS` if Redis is down.
    """
    with session_apart(request):
        try:
            passkey = entry.check_sign_in(credential, client=client_of(request))
        except PasskeyError as exc:
            raise PasskeyRefused(exc) from exc
        # Before the pipeline, which would mail a code. This caller has no way to send it back.
        if not EmailAddress.objects.filter(user=passkey.user, verified=True).exists():
            raise EmailUnverified
        try:
            perform_passwordless_login(request, passkey, Login(user=passkey.user))
        except InactiveUserError as exc:
            raise PasskeyRefused(PasskeyError(Why.REFUSED)) from exc
        if sign_in_of(request).opened is None and get_pending_stage(request) is None:
            raise PasskeyRefused(PasskeyError(Why.REFUSED))  # a demo account, outside the demo
        return second_step.opened(request, LoginIncomplete)
