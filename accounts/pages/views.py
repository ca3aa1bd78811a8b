"""Pages of the account: overview, profile, signed-in devices, security activity, linking."""

from typing import Any, cast
from uuid import UUID

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.utils import perform_login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter as get_social_adapter
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.base.provider import Provider
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView, TemplateView, UpdateView, View
from typing_extensions import override

from accounts.audit.models import AuditEvent
from accounts.errors import SignUpPendingError
from accounts.factors.passkeys import credentials
from accounts.federation.linking import links
from accounts.federation.linking.links import Link
from accounts.pages import (
    cursors,
    expired,
    offers,
    parking,
    shown_codes,
    sign_in_codes,
    trusting,
)
from accounts.pages.forms import LoginForm, ProfileForm
from accounts.pages.signed_out import say_nothing_was_done
from accounts.pages.waiting import SaysWhen
from accounts.people.models import User
from accounts.reports import own
from accounts.request import Request, client_of, sign_in_of
from accounts.signins import profiles, proofs, sessions, trusted_browsers
from accounts.signins.models import AuthSession


class SignedInMixin(LoginRequiredMixin):
    """Give a page its signed-in user and sign-in. Redirect other visitors to the sign-in page."""

    request: HttpRequest

    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        shown_codes.forget_old(request)
        return super().dispatch(request, *args, **kwargs)

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    @property
    def auth_session(self) -> AuthSession:
        return cast("AuthSession", cast("Request", self.request).auth_session)

    @override
    def handle_no_permission(self) -> HttpResponseRedirect:
        """Redirect to the sign-in page, and then to the page that has the form.

        The sign-in may have ended a moment ago. Say that a form was not sent: it may be a report.
        """
        here = self.request.get_full_path()
        page = expired.page_to_open_again(self.request) or here
        if self.request.method == "POST" and page != here:  # else `SignedOutMiddleware` says so
            say_nothing_was_done(self.request)
        return redirect_to_login(page)


class HomeView(SignedInMixin, TemplateView):
    template_name = "accounts/home.html"

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            session_count=AuthSession.objects.for_user(self.user.pk).active().count(),
            offers_passkey=offers.is_open(self.request),
            passkey_count=len(credentials.of(self.user)),
            providers=list(self.user.socialaccount_set.values_list("provider", flat=True)),
            **kwargs,
        )


class ProfileView(SignedInMixin, UpdateView[User, ProfileForm]):
    form_class = ProfileForm
    template_name = "accounts/profile.html"
    success_url = reverse_lazy("accounts:profile")

    @override
    def get_object(self, queryset: QuerySet[User] | None = None) -> User:
        # Load a copy: the page's frame shows `request.user`, which a refused form would change.
        return User.objects.get(pk=self.user.pk)

    @override
    def form_valid(self, form: ProfileForm) -> HttpResponse:
        with transaction.atomic():
            response = super().form_valid(form)
            if "display_name" in form.changed_data:
                profiles.renamed(form.instance, client=client_of(self.request))
        messages.success(self.request, _("Saved."))
        if locale := form.cleaned_data["locale"]:
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                locale,
                max_age=settings.LANGUAGE_COOKIE_AGE,
                secure=settings.LANGUAGE_COOKIE_SECURE,
                httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
                samesite="Lax",
            )
        return response


class SessionListView(SignedInMixin, TemplateView):
    """List the signed-in devices, browsers and API clients alike: this one, then the last seen first."""

    template_name = "accounts/session_list.html"
    page_size = 20

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        mine = AuthSession.objects.for_user(self.user.pk).active()
        others = mine.exclude(pk=self.auth_session.pk)
        cut = cursors.cut(self.request, others, by="last_seen_at", size=self.page_size)
        return super().get_context_data(
            sessions=[*mine.filter(pk=self.auth_session.pk), *cut.rows]
            if cut.is_first
            else cut.rows,
            here=self.auth_session.pk,
            cut=cut,
            has_others=bool(cut.rows) or others.exists(),
            trusted_browsers=trusting.browsers_of(self.user),
            **kwargs,
        )


class TrustedBrowserEndView(SignedInMixin, View):
    """Ask a trusted browser for the second step again. Needs no fresh proof: it only makes things stricter."""

    http_method_names = ["post"]
    shown_on = "accounts:session-list"

    def post(self, request: HttpRequest, id: UUID) -> HttpResponse:  # noqa: A002 - of the address
        if trusted_browsers.end(id, user=self.user, client=client_of(request)):
            messages.success(request, _("That browser is asked for the second step again."))
        else:  # the same answer for a browser of somebody else
            messages.info(request, _("That browser is no longer trusted."))
        return redirect("accounts:session-list")


class SessionRevokeView(SignedInMixin, View):
    http_method_names = ["post"]
    shown_on = "accounts:session-list"

    def post(self, request: HttpRequest, sid: UUID) -> HttpResponse:
        mine = AuthSession.objects.for_user(self.user.pk).active()
        session = mine.filter(pk=sid).select_related("user").first()
        if session is None:  # the same answer for a device of somebody else
            messages.info(request, _("That device is signed out already."))
            return redirect("accounts:session-list")
        if session == self.auth_session:
            return redirect("account_logout")
        proofs.require(self.auth_session)
        sessions.revoke(
            session,
            reason=sessions.Reason.OTHER_DEVICE,
            client=client_of(request),
        )
        messages.success(request, _("%(device)s was signed out.") % {"device": session.device})
        return redirect("accounts:session-list")


class SessionRevokeOthersView(SignedInMixin, View):
    http_method_names = ["post"]
    shown_on = "accounts:session-list"

    def post(self, request: HttpRequest) -> HttpResponse:
        proofs.require(self.auth_session)
        sessions.revoke_all(
            self.user,
            reason=sessions.Reason.OTHER_DEVICE,
            keep=self.auth_session.pk,
            client=client_of(request),
        )
        messages.success(request, _("All other devices were signed out."))
        return redirect("accounts:session-list")


class ContinueView(SignedInMixin, TemplateView):
    """Send a form again that had to wait for a proof (`accounts.pages.parking`).

    The visitor's browser sends it, from this page: by itself, or by a button without JavaScript.
    """

    template_name = "accounts/continue.html"

    @method_decorator(never_cache)
    @override
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        proofs.require(self.auth_session)
        act = parking.take(request, kwargs["key"])
        if act is None:
            messages.warning(request, _("Please start again: this step is over."))
            return redirect("accounts:home")
        path, form = act
        fields = [(name, value) for name, values in form.lists() for value in values]
        return self.render_to_response(self.get_context_data(path=path, fields=fields))


class ActivityView(SignedInMixin, TemplateView):
    """List the audit events of this account, newest first."""

    template_name = "accounts/activity.html"
    page_size = 25

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        events = AuditEvent.objects.filter(user=self.user)
        cut = cursors.cut(self.request, events, by="created_at", size=self.page_size)
        here = self.auth_session.pk
        return super().get_context_data(
            events=cut.rows,
            cut=cut,
            deniable={each.pk for each in cut.rows if own.can_be_denied(each, here=here)},
            **kwargs,
        )


class SocialLinkView(SaysWhen, FormView[LoginForm]):
    """Connect a provider to an existing account, after its owner has proved the account once.

    The form's `proof` is `password`, `code` (by mail), the id of a connected provider, or `none` to
    cancel.
    """

    http_method_names = ["get", "head", "post"]
    form_class = LoginForm
    template_name = "socialaccount/link.html"
    link: Link
    owner: User

    @method_decorator(sensitive_post_parameters("password"))
    @method_decorator(never_cache)
    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        link = links.noted(request)
        owner = links.owner_of(link) if link else None
        if link is None or owner is None or request.user.is_authenticated:
            links.forget(request)
            return redirect("account_login")
        self.link, self.owner = link, owner
        return super().dispatch(request, *args, **kwargs)

    @override
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.POST.get("link") != self.link.key:  # another tab has noted a newer link
            return redirect("accounts:social-link")
        proof = request.POST.get("proof", "password")
        if proof == "none":
            links.forget(request)
            return redirect("account_login")
        links.prove(request, self.link.key)
        try:
            return self._prove_by(proof, request, *args, **kwargs)
        except SignUpPendingError:  # a decoy's password is just a wrong one here
            wrong = get_account_adapter().error_messages["email_password_mismatch"]
            messages.error(request, wrong)
            return redirect("accounts:social-link")
        except ImmediateHttpResponse as exc:
            return exc.response

    @override
    def form_valid(self, form: LoginForm) -> HttpResponse:
        return form.login(self.request, redirect_url=self.link.next)

    @override
    def get_form_kwargs(self) -> dict[str, Any]:
        """Return the form's arguments, with the owner's email instead of the posted `login`."""
        kwargs = super().get_form_kwargs()
        if "data" in kwargs:
            kwargs["data"] = kwargs["data"].copy()
            kwargs["data"]["login"] = self.owner.email
        return kwargs | {"request": self.request}

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            link=self.link, owner=self.owner, providers=self._providers(), **kwargs
        )

    def _prove_by(
        self, proof: str, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if proof == "code":
            return self._send_code(request)
        for provider in self._providers():
            if provider.id == proof:
                return self._ask(provider)
        return super().post(request, *args, **kwargs)

    def _send_code(self, request: HttpRequest) -> HttpResponse:
        sign_in_codes.count_mail(request, self.link.email)
        sign_in_of(request).is_code_asked_for = True
        response: HttpResponse = perform_login(
            request, self.owner, email=self.link.email, redirect_url=self.link.next
        )
        return response

    def _ask(self, provider: Provider) -> HttpResponse:
        response: HttpResponse = provider.redirect(
            self.request, "login", next_url=self.link.next, link=self.link.key
        )
        return response

    def _providers(self) -> list[Provider]:
        """Return the providers that are connected to this account."""
        connected = set(
            SocialAccount.objects.filter(user=self.owner).values_list("provider", flat=True)
        )
        listed = get_social_adapter().list_providers(self.request)
        return [provider for provider in listed if provider.id in connected]
