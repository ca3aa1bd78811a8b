"""Sign in by a mailed code: change allauth's process so that it doesn't show who has an account.

An address without an account gets a mail, too, and its process goes on with a random code that no
mail contains. So pages, answers, limits and the number of mails are the same.
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
from accounts.moving import arrivals
from accounts.pages import codes, mail_requests, signing_up, stays
from accounts.pages.codes import OnlyMailed
from accounts.people import addresses
from accounts.people.models import User
from accounts.request import client_of, is_app, sign_in_of
from accounts.store import counters
from accounts.store.counters import Limit

UNKNOWN = "account/email/unknown_account"
"""The mail that says that there is no account."""


class SignInCode(OnlyMailed, login_by_code.LoginCodeVerificationProcess):
    """One attempt to sign in by a mailed code. The session of the browser or app keeps its state."""

    is_resent = False

    @property
    @override
    def code(self) -> str:
        """Return the expected code, or '' if the account was disabled or deleted since the mail.

        `codes.check` refuses every typed code if '' is expected.
        """
        is_gone = self.user is None or not self.user.is_active
        return "" if is_gone and "user_id" in self.state else str(super().code)

    @override
    def send(self, skip_enumeration_mails: bool = False) -> None:
        """Mail the code, or a mail that says that there is no account.

        Both take as long, so that the duration doesn't show whether there is one.
        """
        if self.user is None:
            self.state["code"] = codes.unguessable()
        super().send()
        counters.take([_pause(self.state["email"])], about=self.state["email"].lower())

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
        """Mail a new code, which replaces the old one and is valid for ten minutes.

        Raises `TooManyRequestsError` if the last code was mailed a moment ago (`LIMIT_RESEND`), or after
        too many codes to this address.
        """
        email = self.state["email"]
        if seconds := counters.take([_pause(email)], about=email.lower()):
            raise TooManyRequestsError(seconds)
        count_mail(self.request, email)
        self.state["at"] = self.stage.login.initiated_at = time.time()
        self.is_resent = True
        super().resend()

    @override
    def add_sent_message(self, context: dict[str, Any]) -> None:
        """Add the message that a new code was sent. For the first code, the page says so itself."""
        if self.is_resent or not self.state["initiated_by_user"]:
            super().add_sent_message(context)

    @override
    def finish(self, redirect_url: str | None) -> HttpResponse:
        """Mark the address as proved and sign in. Call after the code was checked.

        Raises `ConflictError` if another account keeps the address.
        """
        user = cast("User", self.user)
        mail_requests.used(self.request, self.state["email"])
        if self.state["initiated_by_user"] and user.email == self.state["email"]:
            _prove(self.request, user)
        response: HttpResponse = super().finish(redirect_url)
        return response


# allauth's stage and views use the class of this module; there is no setting for it.
login_by_code.LoginCodeVerificationProcess = SignInCode  # type: ignore[misc]


def ask(request: HttpRequest, email: str) -> None:
    """Mail a code to this address, and keep the attempt in the session.

    Call it for every address, with an account or without. Raises `TooManyRequestsError`.
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
    """Count one more code to this address, from this network. Raises `TooManyRequestsError`."""
    if not consume(request, action="request_login_code", key=email.lower()):
        raise TooManyRequestsError(counters.limit("code_address").seconds)
    mail_requests.count(request, "code", email)


class AsksForCode:
    """Make a form or input of allauth's ask for a code in the same way for all addresses.

    Its field `remember` is the choice "Stay signed in".
    """

    cleaned_data: dict[str, Any]
    errors: Any

    def clean_email(self) -> str:
        """Count the mail and find the account. Returns the address. Raises `TooManyRequestsError`."""
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
    """Mark the address as proved, because only the reader of its mails has the code.

    If the account is unproved, a stranger may have signed up with this address. So the password, the
    name and the connections are removed (`signing_up.own`), and a message says that the password is gone.
    An account that came from another system loses what nobody proved (`arrivals.prove`). One that an
    administrator prepared keeps its password. Raises `ConflictError` if another
    account keeps the address.
    """
    had_password = user.has_usable_password()
    with transaction.atomic():
        if addresses.is_unproved(user):  # check first: the next line may add an address
            signing_up.note_no_password(request, user)
        # Nothing that was given before counts: a stranger may have typed a password in this browser.
        arrivals.prove(user, {}, client=client_of(request))
        address, _ = EmailAddress.objects.get_or_create(user=user, email=user.email)
        if address.verified:
            return
        address.user = user  # the instance that signs in: `own` sets its password
        if not get_adapter().confirm_email(request, address):
            raise ConflictError
    if had_password and not user.has_usable_password():
        get_adapter().add_message(
            request, messages.INFO, "account/messages/password_removed.txt", {"user": user}
        )


def _pause(email: str) -> tuple[Limit, str]:
    return counters.limit("resend"), f"sign_in_code:{email.lower()}"
