"""Answer allauth's questions about our policy: sign-in, sign-up, proofs. Mails: `mails`."""

import logging
from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.email_verification_by_code import (
    EMAIL_VERIFICATION_CODE_SESSION_KEY,
)
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import LoginFailure
from accounts.client_info import ClientInfo
from accounts.errors import (
    ConflictError,
    InactiveUserError,
    SessionEndedError,
    SignUpPendingError,
    TooManyRequestsError,
)
from accounts.federation.linking import links
from accounts.moving import former
from accounts.pages import (
    admission,
    decoys,
    expired,
    factor_flows,
    known_devices,
    proofs,
    signing_up,
    stays,
    waiting,
    waits,
)
from accounts.pages.mails import MailsByOutbox
from accounts.pages.middleware import current
from accounts.people.managers import UserManager
from accounts.people.models import User
from accounts.people.passwords import is_too_long
from accounts.people.validators import PasswordLengthValidator
from accounts.request import client_of, is_headless, sign_in_of
from accounts.signins import guesses, sessions
from accounts.signins import proofs as rule
from accounts.signins.models import AuthSession
from accounts.store.engine import SID
from accounts.store.outage import STORE_ERRORS

log = logging.getLogger(__name__)

OUR_STAGES = {
    "allauth.account.stages.EmailVerificationStage": "accounts.pages.mailbox_links.VerificationStage",
    "allauth.mfa.stages.AuthenticateStage": "accounts.pages.sign_in_notices.WatchedFactorStage",
}
"""Our stages of the login pipeline, in place of allauth's."""
LAST_STAGES = ["PasskeySignUpStage", "EnrolStage"]
LINKED = "socialaccount/messages/account_connected.txt"
LINKED_ELSEWHERE = "socialaccount/messages/account_connected_other.txt"


class AccountAdapter(MailsByOutbox):
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
        guess = guesses.count(
            email,
            network=client_of(request).network,
            device=known_devices.device_of(request, email),
        )
        password = credentials.get("password") or ""
        if is_too_long(password):
            self._refuse(request, email)
            return None
        try:
            user = super().authenticate(request, **credentials)
            # Not for a new proof: that account has a password here. A guess stays counted if the former system
            # gives no answer, because the password was checked here.
            if user is None and settings.LEGACY_SIGN_IN_URL and not sign_in_of(request).proving:
                is_here_now = former.bring(email, password)
                user = super().authenticate(request, **credentials) if is_here_now else None
        except (*STORE_ERRORS, DatabaseError):
            # Uncount an error of ours: five of them would lock out a user who knows the password.
            guesses.give_back(guess)
            raise
        if user is None or not user.is_active or _is_refused(user):
            self._refuse(request, email, password)
            return None
        guesses.succeed(guess)
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
    def clean_email(self, email: str) -> str:
        """Return the one spelling of this mailbox. allauth's forms and providers call it."""
        return UserManager.normalize_email(super().clean_email(email))

    @override
    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the caller's address for allauth's limits, the same as in our records."""
        return client_of(request).ip or "unknown"

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
            cast("User", user).save_password()  # allauth's signal follows: `receivers`

    @override
    def new_user(self, request: HttpRequest) -> User:
        user = cast("User", super().new_user(request))
        user.locale = (get_language() or "")[:2]
        return user

    @override
    def pre_login(
        self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any
    ) -> HttpResponse | None:
        """Refuse demo accounts unless `DEMO` is set, because their passwords are public.

        Every door calls this. Keeps the noted link if this sign-in proves it (`links.begin`), and forgets
        it otherwise. Forgets a code that waits for an address. Returns None, or the answer that ends
        the sign-in.
        """
        if _is_refused(user):
            return self.respond_user_inactive(request, user)
        links.begin(request)
        if not request.user.is_authenticated:
            # An earlier user of this browser may have begun it: a sign-up, or a connection to this account.
            request.session.pop(EMAIL_VERIFICATION_CODE_SESSION_KEY, None)
        stays.apply(request)
        return super().pre_login(request, user, **kwargs)

    @override
    def get_login_stages(self) -> list[str]:
        stages = [OUR_STAGES.get(stage, stage) for stage in super().get_login_stages()]
        return [*stages, *(f"accounts.factors.stage.{stage}" for stage in LAST_STAGES)]

    @override
    def is_login_by_code_required(self, login: Any) -> bool:
        """Return True if `SocialLinkView` asked for a mailed code, or allauth requires one."""
        is_asked_for = sign_in_of(self.request).is_code_asked_for
        return is_asked_for or super().is_login_by_code_required(login)

    @override
    def post_login(
        self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any
    ) -> HttpResponse:
        is_linked = links.complete(request, cast("User", user))
        if is_linked is not None:
            level = messages.SUCCESS if is_linked else messages.ERROR
            self.add_message(request, level, LINKED if is_linked else LINKED_ELSEWHERE)
        for notice in factor_flows.notices_for(cast("User", user)):
            self.add_message(request, messages.WARNING, message=notice)
        if sign_in_of(request).kind is None and not is_headless(request):
            expired.note_next(request, kwargs.get("redirect_url"))
        return super().post_login(request, user, **kwargs)

    @override
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return admission.is_open(request)

    @override
    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        """Return True for the address that the link of an invitation has proved."""
        return email == sign_in_of(request).proved_email or super().is_email_verified(
            request, email
        )

    @override
    def save_user(
        self, request: HttpRequest, user: AbstractBaseUser, form: Any, commit: bool = True
    ) -> AbstractBaseUser:
        """Save a new user and return it. Raises `SignUpClosedError`.

        Raises `ConflictError` if another request took the email.
        """
        login = getattr(form, "sociallogin", None)
        proved = admission.proved_by(login) if login is not None else ()
        try:
            with transaction.atomic():
                admission.admit(request, form.cleaned_data["email"], proved=proved)
                saved = super().save_user(request, user, form, commit=commit)
                if commit:
                    admission.settle(request, cast("User", saved))
                return saved
        except IntegrityError as exc:
            raise ConflictError from exc

    @override
    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Save the proved address and the user's email in one transaction.

        Returns True on success. Raises `ConflictError` if another account has the address and keeps
        it.
        """
        try:
            with transaction.atomic():
                signing_up.own(request, email_address.user)
                return bool(super().confirm_email(request, email_address))
        except IntegrityError as exc:
            # Another account has proved the email, so `addresses.claim` left it there.
            raise ConflictError from exc

    @override
    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Open the sign-in, unless the password or the account changed since it began.

        If one changed, raises `InactiveUserError` for the calls below `/api/token/`, and shows other
        callers the answer for a disabled account. Raises `PermissionDenied` if the owner of a link chose
        a mailed code, but allauth skipped the stage that asks for it.
        """
        if sign_in_of(request).is_code_asked_for:
            # The stage that asks for the code was skipped, so the sign-in has no proof.
            raise PermissionDenied
        if _is_refused(user):  # again: `pre_login` may have run in an earlier request
            raise ImmediateHttpResponse(self.respond_user_inactive(request, user))
        former = None if request.user.is_authenticated else request.session.get(SID)
        try:
            super().login(request, user)
            _end(former, client_of(request))
        except InactiveUserError as exc:
            request.session.flush()
            request.user = AnonymousUser()
            if sign_in_of(request).kind is not None:
                raise
            raise ImmediateHttpResponse(self.respond_user_inactive(request, user)) from exc

    @override
    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Return True unless the sign-in has a fresh proof. allauth asks before its sensitive acts."""
        return not rule.is_fresh(current(self.request))

    @override
    def get_reauthentication_methods(
        self, user: AbstractBaseUser | AnonymousUser
    ) -> list[dict[str, Any]]:
        return list(proofs.ways(user)) if isinstance(user, User) else []

    @override
    def add_message(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Add a message, but not for the calls below `/api/token/`: their clients never show one."""
        if sign_in_of(request).kind is None:
            super().add_message(request, *args, **kwargs)

    @override
    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return expired.followed(request) or super().get_login_redirect_url(request)

    @override
    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("accounts:home")


def _end(sid: str | None, client: ClientInfo) -> None:
    """End this browser's former sign-in, whose session no longer counts after a password change."""
    if sid and (row := AuthSession.objects.active().filter(pk=sid).first()):
        sessions.revoke(row, reason=sessions.Reason.LOGOUT, client=client)


def _is_refused(user: AbstractBaseUser) -> bool:
    return cast("User", user).email in settings.REFUSED_EMAILS
