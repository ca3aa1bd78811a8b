"""Sign in by a mailed code: allauth's process, but it tells nobody which addresses have an account.

An address without an account gets a mail, too, and its process goes on with a code that nobody can
type. So pages and answers, limits and the number of mails are the same.
"""

import time
from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows import login_by_code
from allauth.account.internal.flows.signup import get_signup_url
from allauth.account.models import EmailAddress
from allauth.account.stages import LoginByCodeStage, LoginStageController
from allauth.core import context
from allauth.core.ratelimit import consume
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from typing_extensions import override

from accounts.errors import ConflictError, TooManyRequestsError
from accounts.federation.linking import links
from accounts.pages import codes, signing_up, stays
from accounts.pages.codes import OnlyMailed
from accounts.people import addresses
from accounts.people.models import User
from accounts.request import is_app, sign_in_of
from accounts.store import counters
from accounts.store.counters import Limit

UNKNOWN = "account/email/unknown_account"
"""The mail that says that there is no account."""


class SignInCode(OnlyMailed, login_by_code.LoginCodeVerificationProcess):
    """The sign-in by a mailed code of one browser or app. Its session keeps the state."""

    is_resent = False

    @property
    @override
    def code(self) -> str:
        """Return the expected code. '' is never right: the account was disabled or deleted meanwhile."""
        is_gone = self.user is None or not self.user.is_active
        return "" if is_gone and "user_id" in self.state else str(super().code)

    @override
    def send(self, skip_enumeration_mails: bool = False) -> None:
        """Mail the code, or say that there is no account: each time, so that the time tells nothing."""
        if self.user is None:
            self.state["code"] = codes.unguessable()
        super().send()
        counters.take([_pause(self.state["email"])])

    @override
    def send_by_email(self, email: str, skip_enumeration_mails: bool = False) -> None:
        """Send allauth's mail. To an address without an account it says so, and is no reset."""
        if self.user is not None:
            super().send_by_email(email, skip_enumeration_mails)
            return
        facts = {"signup_url": get_signup_url(self.request), "is_sign_in": True}
        get_adapter().send_mail(UNKNOWN, email, facts)
        self.add_sent_message({"email": email, "recipient": email})

    @override
    def resend(self) -> None:
        """Mail a new code, which replaces the old one and has its own ten minutes.

        Raises `TooManyRequestsError` if it is too early.
        """
        email = self.state["email"]
        if seconds := counters.take([_pause(email)]):
            raise TooManyRequestsError(seconds)
        count_mail(self.request, email)
        self.state["at"] = self.stage.login.initiated_at = time.time()
        self.is_resent = True
        super().resend()

    @override
    def add_sent_message(self, context: dict[str, Any]) -> None:
        """Say that a new code was sent. The page for the first code says it itself."""
        if self.is_resent or not self.state["initiated_by_user"]:
            super().add_sent_message(context)

    @override
    def finish(self, redirect_url: str | None) -> HttpResponse:
        """Sign in. The code has been checked. Raises `ConflictError` as `AccountAdapter.confirm_email`."""
        user = cast("User", self.user)
        if self.state["initiated_by_user"] and user.email == self.state["email"]:
            _prove(self.request, user)
        response: HttpResponse = super().finish(redirect_url)
        return response


# allauth's stage and views look it up here, and have no setting for it.
login_by_code.LoginCodeVerificationProcess = SignInCode  # type: ignore[misc]


def ask(request: HttpRequest, email: str) -> None:
    """Mail a code to this address, and keep the attempt in the session.

    Raises `TooManyRequestsError`.
    """
    count_mail(request, email)
    SignInCode.initiate(request=request, user=addresses.account_of(email), email=email)


def resumed(request: HttpRequest) -> SignInCode | None:
    """Return the attempt that the session keeps, or None if there is none or it has expired."""
    stage = LoginStageController.enter(request, LoginByCodeStage.key)
    if stage is None:
        return None
    process: SignInCode | None = SignInCode.resume(stage)  # type: ignore[no-untyped-call]  # allauth's
    return process


def count_mail(request: HttpRequest, email: str) -> None:
    """Count one more code for this address, from this caller. Raises `TooManyRequestsError`."""
    if not consume(request, action="request_login_code", key=email.lower()):
        raise TooManyRequestsError(counters.limit("code_address").seconds)


class AsksForCode:
    """Make a form or input of allauth's ask for a code in the same way for all addresses.

    Its field `remember` is the choice "Stay signed in".
    """

    cleaned_data: dict[str, Any]
    errors: Any

    def clean_email(self) -> str:
        """Return the address. Raises `TooManyRequestsError`."""
        email: str = self.cleaned_data["email"]
        count_mail(context.request, email)
        cast("Any", self)._user = addresses.account_of(email)  # noqa: SLF001 - allauth reads it
        return email

    def clean(self) -> dict[str, Any]:
        request = context.request
        if not self.errors:
            sign_in_of(request).stays = self.cleaned_data["remember"]
            stays.apply(request)
            if not is_app(request):
                # Somebody else may have left both here. This sign-in doesn't prove the link, so
                # neither page nor mail may mention it, and the password may be a stranger's.
                links.forget(request)
                signing_up.forget_password(request)
        return self.cleaned_data


def _prove(request: HttpRequest, user: User) -> None:
    """Mark the address as proved: only its mailbox has the code.

    If nobody has proved the account before, a stranger may have signed up with this address, and
    chosen its password and connections. They are removed with it (`signing_up.own`). An account
    that an administrator prepared keeps its password.
    """
    had_password = user.has_usable_password()
    with transaction.atomic():
        if addresses.is_unproved(user):  # ask before the next line: it may add the first address
            signing_up.note_no_password(request, user)
        address, _ = EmailAddress.objects.get_or_create(user=user, email=user.email)
        if address.verified:
            return
        address.user = user  # `own` sets the password of this instance, which signs in
        if not get_adapter().confirm_email(request, address):
            raise ConflictError
    if had_password and not user.has_usable_password():
        get_adapter().add_message(
            request, messages.INFO, "account/messages/password_removed.txt", {"user": user}
        )


def _pause(email: str) -> tuple[Limit, str]:
    return counters.limit("resend"), f"sign_in_code:{email.lower()}"
