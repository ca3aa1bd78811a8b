"""Pages of the account: overview, profile, signed-in devices, security activity, linking."""

from typing import Any, cast
from uuid import UUID

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.utils import perform_login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.ratelimit import consume, respond_429
from allauth.socialaccount.adapter import get_adapter as get_social_adapter
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.base.provider import Provider
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView, ListView, TemplateView, UpdateView, View
from typing_extensions import override

from accounts.audit.models import AuditEvent
from accounts.errors import SignUpPendingError
from accounts.federation.linking import links
from accounts.federation.linking.links import Link
from accounts.pages import parking
from accounts.pages.forms import LoginForm, ProfileForm
from accounts.pages.waiting import SaysWhen
from accounts.people.models import User
from accounts.request import Request, client_of, sign_in_of
from accounts.signins import proofs, sessions
from accounts.signins.models import AuthSession


class SignedInMixin(LoginRequiredMixin):
    """Give a page its signed-in user and sign-in. Redirect other visitors to the sign-in page."""

    request: HttpRequest

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    @property
    def auth_session(self) -> AuthSession:
        return cast("AuthSession", cast("Request", self.request).auth_session)


class HomeView(SignedInMixin, TemplateView):
    template_name = "accounts/home.html"

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            session_count=AuthSession.objects.for_user(self.user.pk).active().count(),
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
        response = super().form_valid(form)
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


class SessionListView(SignedInMixin, ListView[AuthSession]):
    """List the signed-in devices, browsers and API clients alike, this one first."""

    template_name = "accounts/session_list.html"
    context_object_name = "sessions"
    paginate_by = 20

    @override
    def get_queryset(self) -> QuerySet[AuthSession]:
        return AuthSession.objects.for_user(self.user.pk).active().this_first(self.auth_session)


class SessionRevokeView(SignedInMixin, View):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, sid: UUID) -> HttpResponse:
        mine = AuthSession.objects.for_user(self.user.pk).active()
        session = mine.filter(pk=sid).select_related("user").first()
        if session is None:
            raise Http404
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
            messages.info(request, _("Please start again: this step is over."))
            return redirect("accounts:home")
        path, form = act
        fields = [(name, value) for name, values in form.lists() for value in values]
        return self.render_to_response(self.get_context_data(path=path, fields=fields))


class ActivityView(SignedInMixin, ListView[AuditEvent]):
    """List the audit events of this account, newest first."""

    template_name = "accounts/activity.html"
    context_object_name = "events"
    paginate_by = 25

    @override
    def get_queryset(self) -> QuerySet[AuditEvent]:
        return AuditEvent.objects.filter(user=self.user)


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
        if not consume(request, action="request_login_code", key=self.link.email.lower()):
            return respond_429(request)
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
