"""Send allauth's mails through the outbox, in the account's language, within an address's daily share."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.utils import filter_users_by_email
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sites.requests import RequestSite
from django.db import transaction
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import get_language
from typing_extensions import override

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import Denied, LoginFailure
from accounts.client_info import device_name
from accounts.mail import denial_links, sending
from accounts.pages import codes, known_devices, mailbox_links, waiting, ways_in
from accounts.people.managers import UserManager
from accounts.people.models import User
from accounts.places import place_of
from accounts.request import client_of, sign_in_of

BY_STRANGERS = {
    f"account/email/{name}"
    for name in (
        "account_already_exists",
        "email_confirmation",
        "email_confirmation_signup",
        "email_confirm",
        "login_code",
        "password_reset_code",
        "password_reset_key",
        "unknown_account",
    )
} | {"socialaccount/email/connect_code"}
"""Mails that a stranger can cause by typing an address. All others are notices to an account's owner."""
CONNECTED = "socialaccount/email/account_connected"
RESET = "account/email/password_reset"
DENIABLE = {
    CONNECTED: Denied.CONNECTION,
    "account/email/email_changed": Denied.EMAIL,
    "account/email/email_deleted": Denied.EMAIL,
    "account/email/password_changed": Denied.PASSWORD,
    RESET: Denied.PASSWORD,
    "account/email/password_set": Denied.PASSWORD,
    "socialaccount/email/account_disconnected": Denied.CONNECTION,
}
"""The notices with a link "it wasn't me"."""
OF_RESETS = {"account/email/password_reset_key", "account/email/unknown_account"}
"""The mails that answer a request for a reset: to an address with an account, and to one without."""


class MailsByOutbox(DefaultAccountAdapter):
    """The part of our adapter that sends mails."""

    @override
    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Enqueue a mail in the account's language; without an account, in the request's language.

        allauth doesn't always name the account, so this looks for the owner of the address. Sends nothing
        if the address got its share of today. Records a requested reset.
        """
        request = self.request
        if template_prefix in BY_STRANGERS:
            is_withheld = sign_in_of(request).is_mail_withheld = not _may_send(request, email)
            if is_withheld:
                return  # the page looks as usual: it must not show who has an account
        owner: User | None = context.get("user") or next(
            iter(filter_users_by_email(email, prefer_verified=True)), None
        )
        with translation.override((owner and owner.locale) or get_language()):
            message = self.render_mail(
                template_prefix,
                email,
                {
                    "request": request,
                    "email": email,
                    "current_site": RequestSite(request) if request else None,
                    "sign_up": settings.SIGN_UP,
                    "reset_lifetime": waiting.in_words(settings.PASSWORD_RESET_TIMEOUT),
                    # Security notices name the device in words.
                    "device": device_name(str(context.get("user_agent", ""))),
                    "place": place_of(context.get("ip")),
                    **context,
                },
            )
        with transaction.atomic():
            if template_prefix in OF_RESETS and not context.get("is_sign_in"):
                self._record_reset(request, email, context.get("user"))
            kind = template_prefix.rpartition("/")[2]
            sending.enqueue(message, kind=kind, user_id=owner.pk if owner else None)

    def _record_reset(self, request: HttpRequest | None, email: str, user: User | None) -> None:
        """Record a requested reset, also of an unknown address, so that both take as long."""
        actor = getattr(request, "user", None)  # none outside the site's middleware
        trail.record(
            AuditEvent.Type.PASSWORD_RESET_REQUESTED,
            user=user,
            identifier=email,
            client=client_of(request) if request else None,
            reason="" if user else LoginFailure.UNKNOWN_USER,
            note=sign_in_of(request).operator_reason if request else "",
            actor=actor if isinstance(actor, User) else None,
        )

    @override
    def send_confirmation_mail(
        self, request: HttpRequest, emailconfirmation: Any, signup: bool
    ) -> None:
        """Mail the code of a sign-up, or the code that connects the provider to an account."""
        link = mailbox_links.of(emailconfirmation)
        if link is None:
            super().send_confirmation_mail(request, emailconfirmation, signup)
        else:
            context = {
                "user": emailconfirmation.user,
                "code": emailconfirmation.key,
                "provider": link.provider,
            }
            self.send_mail("socialaccount/email/connect_code", link.email, context)
        codes.forget_unmailed(request, emailconfirmation.state)

    @override
    def send_notification_mail(
        self,
        template_prefix: str,
        user: AbstractBaseUser,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Mail a notice that names the account: it may go to an address that isn't the account's.

        Its link "it wasn't me" is for the account, also if the notice goes to a former address.
        """
        context = {"user": user, **(context or {})}
        about = DENIABLE.get(template_prefix)
        if about is not None and isinstance(user, User):
            account = context.get("account") if template_prefix == CONNECTED else None
            if template_prefix == RESET:
                context |= ways_in.context_of(user)
            context["denial_url"] = denial_links.url(
                user, about=about, to=email or user.email, connection=account and account.pk
            )
        super().send_notification_mail(template_prefix, user, context, email)


def _may_send(request: HttpRequest, email: str) -> bool:
    email = UserManager.normalize_email(email)
    user = getattr(request, "user", None)  # none outside the site's middleware
    is_mine = isinstance(user, User) and user.email == email
    return sending.may_send(
        email,
        network=client_of(request).network,
        is_owner=is_mine or bool(known_devices.device_of(request, email)),
    )
