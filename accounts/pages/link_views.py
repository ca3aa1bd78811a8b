"""The page that connects a provider to an existing account, after one proof."""

from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.utils import perform_login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter as get_social_adapter
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.base.provider import Provider
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView
from typing_extensions import override

from accounts.errors import SignUpPendingError
from accounts.federation.linking import links
from accounts.federation.linking.links import Link
from accounts.pages import sign_in_codes
from accounts.pages.forms import LoginForm
from accounts.pages.waiting import SaysWhen
from accounts.people.models import User
from accounts.request import sign_in_of


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
