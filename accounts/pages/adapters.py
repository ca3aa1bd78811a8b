"""Answer allauth's questions about our policy: sign-in, sign-up, proofs.

Passwords: `password_checks`. Mails: `mails`. Providers: `social_adapter`.
"""

from typing import Any, cast

from allauth.account.internal.flows.email_verification_by_code import (
    EMAIL_VERIFICATION_CODE_SESSION_KEY,
)
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language
from typing_extensions import override

from accounts.client_info import ClientInfo
from accounts.errors import ConflictError, InactiveUserError
from accounts.federation.linking import links
from accounts.pages import admission, expired, factor_flows, proofs, signing_up, stays
from accounts.pages.middleware import current
from accounts.pages.password_checks import PasswordChecks, is_refused
from accounts.people.managers import UserManager
from accounts.people.models import User
from accounts.request import client_of, is_headless, sign_in_of
from accounts.signins import proofs as rule
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from accounts.store.engine import SID

OUR_STAGES = {
    "allauth.account.stages.EmailVerificationStage": "accounts.pages.mailbox_links.VerificationStage",
    "allauth.mfa.stages.AuthenticateStage": "accounts.pages.sign_in_notices.WatchedFactorStage",
}
"""Our stages of the login pipeline, in place of allauth's."""
LAST_STAGES = ["PasskeySignUpStage", "EnrolStage"]
LINKED = "socialaccount/messages/account_connected.txt"
LINKED_ELSEWHERE = "socialaccount/messages/account_connected_other.txt"


class AccountAdapter(PasswordChecks):
    @override
    def clean_email(self, email: str) -> str:
        """Return the one spelling of this mailbox. allauth's forms and providers call it."""
        return UserManager.normalize_email(super().clean_email(email))

    @override
    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the caller's address for allauth's limits, the same as in our records."""
        return client_of(request).ip or "unknown"

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
        if is_refused(user):
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
        if sign_in_of(request).kind is None:  # `add_message` would drop them
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
        if is_refused(user):  # again: `pre_login` may have run in an earlier request
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
    def is_safe_url(self, url: str) -> bool:
        """Return True if a visitor may be led there: a path of this site, or an address of it."""
        return expired.is_whole(url) and bool(super().is_safe_url(url))

    @override
    def get_login_redirect_url(self, request: HttpRequest) -> str:
        if sign_in_of(request).kind is not None:
            return "/"  # nobody follows it
        return expired.followed(request) or super().get_login_redirect_url(request)

    @override
    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("accounts:home")


def _end(sid: str | None, client: ClientInfo) -> None:
    """End this browser's former sign-in, whose session no longer counts after a password change."""
    if sid and (row := AuthSession.objects.active().filter(pk=sid).first()):
        sessions.revoke(row, reason=sessions.Reason.LOGOUT, client=client)
