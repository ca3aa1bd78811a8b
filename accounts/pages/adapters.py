"""Our policy, where allauth asks for one: sign-in, sign-up, mails, providers."""

import logging
from typing import Any, NoReturn, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.models import EmailAddress
from allauth.account.utils import filter_users_by_email
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AnonymousUser
from django.contrib.sites.requests import RequestSite
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.utils.translation import get_language
from typing_extensions import override

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import LoginFailure
from accounts.client_info import device_name
from accounts.errors import AccountExistsError, ConflictError, InactiveUserError
from accounts.federation.linking import links
from accounts.federation.providers import former
from accounts.mail import sending
from accounts.pages import known_devices, stays
from accounts.people import addresses
from accounts.people.managers import UserManager
from accounts.people.models import User
from accounts.people.passwords import is_too_long
from accounts.people.validators import PasswordLengthValidator
from accounts.request import client_of, sign_in_of
from accounts.signins import guesses
from accounts.store.outage import STORE_ERRORS

log = logging.getLogger(__name__)

NOT_TO_SIGN_IN = {AuthProcess.CONNECT, AuthProcess.REDIRECT}
"""Processes of allauth that open no sign-in. A link may name any other word: it signs in."""
LINKED = "socialaccount/messages/account_connected.txt"
LINKED_ELSEWHERE = "socialaccount/messages/account_connected_other.txt"


class AccountAdapter(DefaultAccountAdapter):
    @override
    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Check the password. A disabled account gets the same answer as a wrong password.

        allauth would show anybody who knows the password that the account is disabled. An
        over-long password is refused before it is hashed. Raises `TooManyRequestsError`.
        """
        email = UserManager.normalize_email(credentials.get("email"))
        guess = guesses.count(
            email,
            network=client_of(request).network,
            device=known_devices.device_of(request, email),
        )
        if is_too_long(credentials.get("password") or ""):
            self._refuse(request, email)
            return None
        try:
            user = super().authenticate(request, **credentials)
        except (*STORE_ERRORS, DatabaseError):
            # Don't count our own failure: five would lock out a user who knows the password.
            guesses.give_back(guess)
            raise
        if user is None or not user.is_active or _is_refused(user):
            self._refuse(request, email)
            return None
        guesses.give_back(guess)
        return user

    @override
    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count nothing: `authenticate` has counted this attempt."""

    def _refuse(self, request: HttpRequest, email: str) -> None:
        user = User.objects.filter(email=email).first()
        if user is None:
            reason = LoginFailure.UNKNOWN_USER
        elif not user.is_active:
            reason = LoginFailure.USER_INACTIVE
        else:
            reason = LoginFailure.WRONG_PASSWORD
        trail.record(
            AuditEvent.Type.LOGIN_FAILED,
            user=user,
            identifier=email,
            client=client_of(request),
            reason=reason,
        )

    @override
    def clean_password(self, password: str, user: AbstractBaseUser | None = None) -> str:
        if is_too_long(password):
            # Check the length first: comparing a megabyte with the user's attributes takes seconds.
            PasswordLengthValidator().validate(password, user)
        return super().clean_password(password, user)

    @override
    def new_user(self, request: HttpRequest) -> User:
        user = cast("User", super().new_user(request))
        user.locale = (get_language() or "")[:2]
        return user

    @override
    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Write in the account's language; without an account, in the language of the request.

        allauth doesn't always name the account, so look for the owner of the address.
        """
        request = self.request
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
                    # Security notices name the device in words.
                    "device": device_name(str(context.get("user_agent", ""))),
                    **context,
                },
            )
        sending.enqueue(message, user_id=owner.pk if owner else None)

    @override
    def send_notification_mail(
        self,
        template_prefix: str,
        user: AbstractBaseUser,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Name the account: the mail may go to an address that isn't the account's."""
        super().send_notification_mail(
            template_prefix, user, {"user": user, **(context or {})}, email
        )

    @override
    def pre_login(
        self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any
    ) -> HttpResponse | None:
        """Refuse demo accounts unless `DEMO` is set, at every door: their passwords are public."""
        if _is_refused(user):
            return self.respond_user_inactive(request, user)
        links.begin(request)
        stays.apply(request)
        return super().pre_login(request, user, **kwargs)

    @override
    def is_login_by_code_required(self, login: Any) -> bool:
        """Require a mailed code if the visitor chose to prove an account by one (`SocialLinkView`)."""
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
        return super().post_login(request, user, **kwargs)

    @override
    def save_user(
        self, request: HttpRequest, user: AbstractBaseUser, form: Any, commit: bool = True
    ) -> AbstractBaseUser:
        """Save a new user. Of two sign-ups with one address at once, one gets a 409."""
        try:
            with transaction.atomic():
                return super().save_user(request, user, form, commit=commit)
        except IntegrityError as exc:
            raise ConflictError from exc

    @override
    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Save the addresses, the primary one and the user's email in one transaction."""
        try:
            with transaction.atomic():
                return bool(super().confirm_email(request, email_address))
        except IntegrityError as exc:  # another account owns it, and `addresses.claim` kept that
            raise ConflictError from exc

    @override
    def send_account_already_exists_mail(self, email: str) -> None:
        """Hash a password first, so that this takes as long as a sign-up that makes an account."""
        make_password(email)
        super().send_account_already_exists_mail(email)

    @override
    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        """Open the sign-in, unless the password or the account changed while it was under way."""
        if sign_in_of(request).is_code_asked_for:
            # allauth skipped the stage that asks for the code, so nothing has been proved.
            raise PermissionDenied
        if _is_refused(user):  # again: `pre_login` may have run in an earlier request
            raise ImmediateHttpResponse(self.respond_user_inactive(request, user))
        try:
            super().login(request, user)
        except InactiveUserError as exc:
            request.session.flush()
            request.user = AnonymousUser()
            if sign_in_of(request).kind is not None:
                raise
            raise ImmediateHttpResponse(self.respond_user_inactive(request, user)) from exc

    @override
    def add_message(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Add messages for pages only: an API client's session never shows them."""
        if sign_in_of(request).kind is None:
            super().add_message(request, *args, **kwargs)

    @override
    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("accounts:home")


def _is_refused(user: AbstractBaseUser) -> bool:
    return cast("User", user).email in settings.REFUSED_EMAILS


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    @override
    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Decide whose email this is before allauth signs in or signs up.

        Accounts that never proved an address lose it, since the provider vouches for it. An account
        that proved it is linked only after its owner has proved it again: raises
        `AccountExistsError`. Drops the provider's token, which the session of an unfinished sign-up
        would keep.
        """
        sociallogin.token = None
        is_login = sociallogin.state.get("process") not in NOT_TO_SIGN_IN
        if is_login:
            sign_in_of(request).stays = sociallogin.state.get("stays")
        if sociallogin.is_existing:
            links.prove(request, sociallogin.state.get("link", ""))
            return
        for address in sociallogin.email_addresses:
            if address.verified:
                addresses.claim(address.email, owner_id=None)
        link = links.wanted(sociallogin) if is_login else None
        if link is not None:
            if request.user.is_authenticated:  # a sign-in by a provider replaces the current one
                get_account_adapter(request).logout(request)
            links.note(request, link)
            stays.apply(request)
            raise AccountExistsError(request.session)
        if is_login:
            stays.apply(request)  # a sign-up that needs another form goes on in another request

    @override
    def populate_user(
        self,
        request: HttpRequest,
        sociallogin: Any,
        data: dict[str, Any],
    ) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        name = data.get("name") or " ".join(
            part for part in (data.get("first_name"), data.get("last_name")) if part
        )
        user.display_name = str(name).replace("\x00", "").strip()[:80]
        return user

    @override
    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> User:
        """Save the user, the connection and the addresses in one transaction."""
        try:
            with transaction.atomic():
                user: User = super().save_user(request, sociallogin, form=form)
                return user
        except IntegrityError as exc:  # the same person signs up twice at the same time
            raise ConflictError from exc

    @override
    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> Any:
        """Return the provider. Pages that list or end connections also get former providers."""
        try:
            return super().get_provider(request, provider, client_id=client_id)
        except SocialApp.DoesNotExist:
            route = getattr(request, "resolver_match", None)
            if route is None or route.url_name not in former.DOORS:
                raise
            return former.FormerProvider(request, provider)

    @override
    def list_providers(self, request: HttpRequest) -> list[Any]:
        """List each provider once: allauth would also list the clients of native apps."""
        providers = super().list_providers(request)
        return [one for one in providers if not one.app.settings.get("hidden")]

    @override
    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Any = None,
        extra_context: Any = None,
    ) -> None:
        """Log why a provider's sign-in failed, without personal data. The page says less."""
        name = getattr(provider, "id", "a provider")
        log.warning("a sign-in by %s failed: %s", name, exception or error)

    @override
    def get_requests_session(self) -> NoReturn:
        """Refuse allauth's HTTP client: it follows redirects and waits without a limit."""
        raise NotImplementedError("call providers through accounts.federation.wire.fetch")
