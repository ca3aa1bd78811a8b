"""Apply our policy where allauth asks for one: sign-in and sign-up by a provider, connections."""

import logging
from typing import Any, NoReturn

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base.constants import AuthError, AuthProcess
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import UUIDField
from django.http import HttpRequest
from django.urls import reverse
from typing_extensions import override

from accounts.errors import (
    AccountExistsError,
    ConflictError,
    SignUpClosedError,
)
from accounts.federation import limits, refusals, states
from accounts.federation.errors import ProviderUnavailableError
from accounts.federation.linking import links
from accounts.federation.providers import former
from accounts.pages import admission, claims, mailbox_links, parking, signing_up, stays
from accounts.pages.middleware import current
from accounts.people import names
from accounts.people.managers import UserManager
from accounts.people.models import User
from accounts.request import client_of, is_headless, sign_in_of
from accounts.signins import proofs as rule

log = logging.getLogger(__name__)

NOT_TO_SIGN_IN = {AuthProcess.CONNECT, AuthProcess.REDIRECT}
"""Processes of allauth that open no sign-in. Any other word in a request's `process` signs in."""


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    @override
    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Decide which account owns the email, before allauth signs in or signs up.

        If the provider says that the email is verified, accounts that never proved it lose it. If an
        account has proved it, notes a link and raises `AccountExistsError`: the owner must prove that
        account first. Uncounts the attempt (`limits.finish`). Drops the provider's token, which the
        session of an unfinished sign-up would keep.
        """
        sociallogin.token = None
        limits.finish(sociallogin.state.pop("begun", None))
        for address in sociallogin.email_addresses:
            address.email = UserManager.normalize_email(address.email)
        self._require_proof(request, sociallogin)
        is_login = sociallogin.state.get("process") not in NOT_TO_SIGN_IN
        if is_login:
            sign_in_of(request).stays = sociallogin.state.get("stays")
        if sociallogin.is_existing:
            links.prove(request, sociallogin.state.get("link", ""))
            return
        for address in sociallogin.email_addresses:
            if address.verified:
                claims.claim(address.email, owner_id=None)
        link = links.wanted(sociallogin) if is_login else None
        if link is not None:
            if request.user.is_authenticated:  # a sign-in by a provider replaces the current one
                get_account_adapter(request).logout(request)
            links.note(request, link)
            stays.apply(request)
            raise AccountExistsError(request.session)
        if is_login:
            stays.apply(request)  # a sign-up that needs another form goes on in another request

    def _require_proof(self, request: HttpRequest, sociallogin: Any) -> None:
        """Refuse a connection on a page if the proof became too old since the attempt began.

        allauth would keep the connection in the session and make it after the next proof. So a thief with
        the same session could begin a connection that the owner's next proof makes. Raises
        `ImmediateHttpResponse` with the redirect to a proof.
        """
        is_page = not (sociallogin.is_headless or is_headless(request))
        if sociallogin.state.get("process") != AuthProcess.CONNECT or not is_page:
            return  # a program gets a 401 or an error from allauth, which keeps nothing there
        if request.user.is_authenticated and not rule.is_fresh(current(request)):
            raise ImmediateHttpResponse(
                parking.ask(request, then=reverse("socialaccount_connections"))
            )

    @override
    def populate_user(
        self,
        request: HttpRequest,
        sociallogin: Any,
        data: dict[str, Any],
    ) -> User:
        signing_up.release(sociallogin.account.provider, sociallogin.account.uid)
        user: User = super().populate_user(request, sociallogin, data)
        name = data.get("name") or " ".join(
            part for part in (data.get("first_name"), data.get("last_name")) if part
        )
        user.display_name = names.visible(str(name)[:80])
        return user

    @override
    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        signing_up.note_provider(request, sociallogin)
        for address in sociallogin.email_addresses:
            signing_up.replace(address.email)
        for address in sociallogin.email_addresses[:1]:  # the only one that allauth looks at
            mailbox_links.want(request, sociallogin, address.email)
        if any(each.is_required for each in settings.PROFILE_FIELDS):
            return False  # the form asks for what the provider doesn't tell
        return bool(super().is_auto_signup_allowed(request, sociallogin))

    @override
    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Return True if this person may sign up. Raises `SignUpClosedError` for our own API."""
        is_open = admission.is_open(request, proved=admission.proved_by(sociallogin))
        if not is_open and sign_in_of(request).kind is not None:
            raise SignUpClosedError
        return is_open

    @override
    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> User:
        """Save the user, the connection and the addresses in one transaction.

        Returns the user. Raises `SignUpClosedError`, and `ConflictError` if the same person signs up twice at the same time.
        """
        try:
            with transaction.atomic():
                if form is None:  # with one, our account adapter admits the typed address
                    email = sociallogin.user.email
                    admission.admit(request, email, proved=admission.proved_by(sociallogin))
                user: User = super().save_user(request, sociallogin, form=form)
                admission.settle(request, user)
                return user
        except IntegrityError as exc:  # the same person signs up twice at the same time
            raise ConflictError from exc

    @override
    def deserialize_instance(self, model: Any, data: Any) -> Any:
        """Return the row that waited in the session, with its UUIDs: allauth leaves them as text."""
        row = super().deserialize_instance(model, data)  # type: ignore[no-untyped-call]  # allauth's
        for field in row._meta.concrete_fields:  # noqa: SLF001 - Django's documented API
            if isinstance(field, UUIDField):
                setattr(row, field.attname, field.to_python(getattr(row, field.attname)))
        return row

    @override
    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> Any:
        """Return the provider. Raises `SocialApp.DoesNotExist` if it is not set up.

        Pages that list or end connections also get a provider that is no longer set up.
        """
        try:
            return super().get_provider(request, provider, client_id=client_id)
        except SocialApp.DoesNotExist:
            route = getattr(request, "resolver_match", None)
            if route is None or route.url_name not in former.DOORS:
                raise
            return former.FormerProvider(request, provider)

    @override
    def list_providers(self, request: HttpRequest) -> list[Any]:
        """Return each provider once. allauth would also list the clients of native apps."""
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
        """Log why a sign-in by a provider failed, without personal data, and show a page without the reason.

        Counts the failure (`limits.count_refusal`), unless the person cancelled or the provider is down.
        """
        name = getattr(provider, "id", "a provider")
        log.warning("a sign-in by %s failed: %s", name, exception or error)
        if error != AuthError.CANCELLED and not isinstance(exception, ProviderUnavailableError):
            limits.count_refusal(client_of(request).network)
        refusals.answer(request, provider, error, exception, extra_context or {})

    @override
    def generate_state_param(self, state: dict[str, Any]) -> str:
        return states.draw(state)

    @override
    def get_requests_session(self) -> NoReturn:
        """Refuse allauth's HTTP client: it follows redirects and waits without a limit."""
        raise NotImplementedError("call providers through accounts.federation.wire.fetch")
