"""Check passwords: count the attempt, compare, record a refusal. Check and save new ones."""

from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import LoginFailure
from accounts.errors import SessionEndedError, SignUpPendingError, TooManyRequestsError
from accounts.moving import former
from accounts.pages import attempts, decoys, known_devices, waiting, waits
from accounts.pages.mails import MailsByOutbox
from accounts.pages.middleware import current
from accounts.people.managers import UserManager
from accounts.people.models import User
from accounts.people.passwords import is_too_long
from accounts.people.validators import PasswordLengthValidator
from accounts.request import client_of, is_headless, sign_in_of
from accounts.store.outage import STORE_ERRORS


class PasswordChecks(MailsByOutbox):
    """The part of our adapter that is about passwords."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": _("The email or the password is wrong."),
        "enter_current_password": _("Incorrect password."),
    }

    @override
    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Return the user if the password is right, otherwise None.

        A disabled account and a demo account outside `DEMO` also get None; allauth would show that
        an account is disabled to anybody who knows its password. An over-long password is refused
        before it is hashed. Raises `TooManyRequestsError`, `StoreUnavailableError` if Redis
        can't count, and `FormerSystemUnavailableError`.
        """
        email = credentials["email"] = UserManager.normalize_email(credentials.get("email"))
        attempt = attempts.made_before(request, email)
        is_checked = attempt is not None
        if attempt is None:
            device = known_devices.device_of(request, email)
            attempt = attempts.count(email, network=client_of(request).network, device=device)
        password = credentials.get("password") or ""
        if is_too_long(password):
            self._refuse(request, email)
            return None
        user: AbstractBaseUser | None = attempt.user
        try:
            if not is_checked:
                user = super().authenticate(request, **credentials)
            # Not for a new proof: that account has a password here. A guess stays counted if the former system
            # gives no answer, because the password was checked here.
            if user is None and settings.LEGACY_SIGN_IN_URL and not sign_in_of(request).proving:
                is_here_now = former.bring(email, password)
                user = super().authenticate(request, **credentials) if is_here_now else None
        except (*STORE_ERRORS, DatabaseError):
            attempt.give_back()
            raise
        if user is None or not user.is_active or is_refused(user):
            self._refuse(request, email, password)
            return None
        attempt.succeed()
        if cast("User", user).last_login is None:
            decoys.is_hit(email, password)  # takes as long as for a decoy
        return user

    @override
    def reauthenticate(self, user: AbstractBaseUser, password: str) -> bool:
        """Return True if this is the user's password. The password of a decoy is a wrong one here.

        Counts and records a wrong one as `authenticate` does. Raises `TooManyRequestsError`.
        """
        session = current(self.request)
        sign_in_of(self.request).proving = session.pk if session else None
        try:
            return super().reauthenticate(user, password)
        except SignUpPendingError:
            return False
        finally:
            sign_in_of(self.request).proving = None

    @override
    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count nothing: `authenticate` has counted this attempt."""

    def _refuse(self, request: HttpRequest, email: str, password: str = "") -> None:
        """Record a wrong password. Raises `SignUpPendingError` if it is a decoy's password."""
        user = User.objects.filter(email=email).first()
        if user is None:
            reason = LoginFailure.UNKNOWN_USER
        elif not user.is_active:
            reason = LoginFailure.USER_INACTIVE
        else:
            reason = LoginFailure.WRONG_PASSWORD
        sid = sign_in_of(request).proving
        type_ = AuditEvent.Type.SESSION_PROOF_REFUSED if sid else AuditEvent.Type.LOGIN_FAILED
        trail.record(
            type_,
            user=user,
            identifier=email,
            sid=sid,
            client=client_of(request),
            reason=reason,
        )
        if not password:  # too long to be hashed
            return
        if decoys.is_hit(email, password):
            raise SignUpPendingError

    @override
    def validation_error(self, code: str, *args: Any) -> ValidationError:
        """Return allauth's error for a form. If a limit refused it, the text says when to try again.

        Raises `TooManyRequestsError` instead if a limit refused a program.
        """
        seconds = waits.noted(self.request) if self.request else None
        if code != "too_many_login_attempts" or seconds is None:
            error: ValidationError = super().validation_error(code, *args)
            return error
        refused = TooManyRequestsError(seconds)
        if is_headless(self.request):
            raise refused
        return waiting.refusal(refused, waiting.TOO_OFTEN, code=code)

    @override
    def clean_password(self, password: str, user: AbstractBaseUser | None = None) -> str:
        if is_too_long(password):
            # Check the length first: comparing a megabyte with the user's attributes takes seconds.
            PasswordLengthValidator().validate(password, user)
        return super().clean_password(password, user)

    @override
    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        """Set a new password. Raises `SessionEndedError` if it was changed since `user` was read.

        Otherwise a thief's change that is under way would undo the owner's change or report.
        """
        with transaction.atomic():
            users = User.objects.select_for_update(no_key=True)
            read = cast("User", user).password_version
            if users.filter(pk=user.pk, password_version=read).first() is None:
                raise SessionEndedError
            user.set_password(password)
            cast("User", user).save_password()  # allauth's signal follows: `account_receivers`


def has_verified_address(user: AbstractBaseUser, email: str = "") -> bool:
    """Return True if this user, whose password was just checked, has proved an address, or this one to the letter."""
    known = user._emailaddress_cache  # type: ignore[attr-defined]  # noqa: SLF001 - allauth's, filled by `backends`
    proved = [address.email for address in known if address.verified]
    return email in proved if email else bool(proved)


def is_refused(user: AbstractBaseUser) -> bool:
    """Return True for a demo account unless `DEMO` is set: its password is public."""
    return cast("User", user).email in settings.REFUSED_EMAILS
