"""Connect a provider to an existing account by a mailed code, at a sign-up by that provider.

A visitor signs up by a provider that doesn't verify the email, and types the email of an account. The
visitor gets the same page and a code by mail as for a new address, so the page doesn't show whether
there is an account. The code is the proof for the link, as on the link page: it connects the provider
and signs in.
"""

from dataclasses import asdict
from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.email_verification import verify_email_indirectly
from allauth.account.internal.flows.email_verification_by_code import EmailVerificationProcess
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.flows.manage_email import sync_email_address
from allauth.account.models import Login
from allauth.account.stages import EmailVerificationStage
from allauth.account.utils import filter_users_by_email
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.models import SocialLogin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from typing_extensions import override

from accounts.errors import TooManyRequestsError
from accounts.federation.linking import links
from accounts.federation.linking.links import Link
from accounts.pages import claims, mail_requests, signing_up, waits
from accounts.people.models import User
from accounts.request import is_headless, sign_in_of

ENTRY = "link"
"""The entry of allauth's process state with the link that waits for the code."""


class ConnectsKnown:
    """Make the sign-up form after a provider note a link, if the typed email has an account."""

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        form = cast("Any", self)
        if form.account_already_exists:
            want(request, form.sociallogin, form.cleaned_data["email"])
        saved: tuple[User | None, HttpResponse | None] = super().try_save(request)  # type: ignore[misc]  # of the form
        return saved


def want(request: HttpRequest, login: SocialLogin, email: str) -> None:
    """Note in the request a link to the account with this email, if there is one.

    Call before allauth answers a sign-up. `VerificationStage` then mails the code for the link.
    """
    owners = filter_users_by_email(email, prefer_verified=True)
    if owners:
        sign_in_of(request).wanted_link = asdict(links.of(login, email=email, user=owners[0]))


class VerificationStage(EmailVerificationStage):
    """Mail the code for a wanted link. allauth would show the same page, but mail no code.

    Raises `TooManyRequestsError` for a program if the address has just got a code. allauth answers the
    limit of a known address, but hides that of a new one, which tells who has an account.
    """

    @override
    def handle(self) -> tuple[HttpResponseBase | None, bool]:
        try:
            return self._handle()
        except ImmediateHttpResponse as refused:
            if is_headless(self.request) and (seconds := waits.noted(self.request)):
                raise TooManyRequestsError(seconds) from refused
            raise

    def _handle(self) -> tuple[HttpResponseBase | None, bool]:
        wanted = sign_in_of(self.request).wanted_link
        if self.login.user is None and wanted is not None:
            _mail_code(self.request, Link(**wanted))
            adapter = get_adapter()
            return adapter.respond_email_verification_sent(self.request, None), True
        stage: tuple[HttpResponseBase | None, bool] = super().handle()  # type: ignore[no-untyped-call]  # allauth's
        return stage


def _mail_code(request: HttpRequest, link: Link) -> None:
    """Begin allauth's process for a mailed code, with this link. `AccountAdapter` makes the mail."""
    owner = links.owner_of(link)
    state = EmailVerificationProcess.initial_state(owner, link.email) | {ENTRY: asdict(link)}
    process = EmailVerificationProcess(request=request, user=owner, state=state)
    process.generate_code()
    process.send()
    process.persist()


def of(process: Any) -> Link | None:
    """Return the link that the code of this process proves, or None."""
    state = getattr(process, "state", {}).get(ENTRY)
    return Link(**state) if state else None


def finish(request: HttpRequest, process: EmailVerificationProcess, link: Link) -> HttpResponse:
    """Sign in to the link's account, which connects the provider. Call after checking the code.

    First takes the address from accounts that never proved it. If the link has no account then, returns a
    redirect to the page where the sign-up begins again.
    """
    process.abort()
    mail_requests.used(request, link.email)
    claims.claim(link.email, owner_id=None)
    signing_up.release(link.provider, link.uid)
    owner = links.owner_of(link)
    if owner is None:
        return redirect(signing_up.begin_again(request))
    links.note(request, link)
    links.prove(request, link.key)
    record_authentication(request, owner, method="code", email=link.email)
    sync_email_address(owner, link.email)
    verify_email_indirectly(request, owner, link.email)
    login = Login(user=owner, email=link.email, redirect_url=link.next or None)
    answer: HttpResponse = perform_login(request, login)
    return answer
