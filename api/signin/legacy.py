"""Sign an API client in by a refresh token of the site that this one replaces, once."""

from datetime import UTC, datetime

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import EmailAddress, Login
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import LoginFailure, Method
from accounts.errors import InactiveUserError
from accounts.moving import spent
from accounts.people.models import User
from accounts.request import client_of, sign_in_of
from accounts.signins import refusals
from accounts.signins.models import AuthSession
from api.exceptions import EmailUnverified, InvalidToken, LoginIncomplete, Refused
from api.signin import second_step
from api.signin.apart import session_apart
from api.tokens import legacy
from api.tokens.legacy import Legacy

NEVER = datetime.fromtimestamp(0, UTC)
"""The time of the proof of an exchange: nobody proved anything to this site."""


def with_token(request: HttpRequest, *, token: str) -> AuthSession:
    """Open a sign-in by this token and return its row.

    Spends the token, also if the account must do a second step: then the answer goes on with an
    `mfa_token`. If an error of ours stops the sign-in, the token stays good. Raises `InvalidToken`,
    `EmailUnverified`, `MfaRequired`, `LoginIncomplete` or `TooManyRequestsError`, and `STORE_ERRORS`
    if Redis is down.
    """
    with session_apart(request):
        try:
            old = legacy.verified(token)
            user = _owner(request, old)
        except InvalidToken:
            refusals.count("", network=client_of(request).network)
            raise
        outcome = _exchanged(request, old, user)
    if isinstance(outcome, Refused):
        if isinstance(outcome, InvalidToken):
            refusals.count("", network=client_of(request).network)
        raise outcome
    return outcome


def _owner(request: HttpRequest, old: Legacy) -> User:
    """Return the account that came for this user of the old site. Raises `InvalidToken`, `EmailUnverified`."""
    user = spent.owner(settings.LEGACY_TOKEN_SOURCE, old.user)
    if user is None or not user.is_active:
        reason = LoginFailure.USER_INACTIVE if user else LoginFailure.UNKNOWN_USER
        trail.record(
            AuditEvent.Type.LOGIN_FAILED, user=user, client=client_of(request), reason=reason
        )
        raise InvalidToken
    # Before the pipeline, which would mail a code. This caller has no way to send it back.
    if not EmailAddress.objects.filter(user=user, verified=True).exists():
        raise EmailUnverified
    return user


def _exchanged(request: HttpRequest, old: Legacy, user: User) -> AuthSession | Refused:
    """Spend the token and open the sign-in in one transaction. Returns an answer that keeps it spent."""
    with transaction.atomic():
        if not spent.spend(old.jti, expires_at=old.expires_at):
            return InvalidToken()
        if not spent.may_open(user, settings.LEGACY_TOKEN_SOURCE):
            return InvalidToken()
        sign_in_of(request).proved_at = NEVER
        record_authentication(request, user, method=Method.LEGACY_TOKEN.value)
        try:
            perform_login(request, Login(user=user))
            if sign_in_of(request).opened is None and user.email in settings.REFUSED_EMAILS:
                return InvalidToken()
            return second_step.opened(request, LoginIncomplete)
        except InactiveUserError:
            return InvalidToken()
        except Refused as exc:
            return exc
