"""Pages on which a user lists, adds, renames and removes passkeys."""

from typing import Any

from allauth.mfa.internal.flows.add import redirect_if_add_not_allowed
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import FormView, TemplateView, View
from typing_extensions import override

from accounts.audit.vocabulary import FactorKind
from accounts.factors import changes, registry
from accounts.factors.passkeys import answers, credentials, enrolment, options
from accounts.factors.passkeys.errors import PasskeyError, Why
from accounts.pages import offers, shown_codes
from accounts.pages.factor_forms import CREDENTIAL
from accounts.pages.middleware import current
from accounts.pages.passkey_entrance import SECURITY_KEY
from accounts.pages.signed_in import SignedInMixin
from accounts.request import client_of
from accounts.signins import proofs


class PasskeyPage(SignedInMixin):
    """A page that changes the account's passkeys. It needs a fresh proof."""

    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            proofs.require(current(request))
        return super().dispatch(request, *args, **kwargs)


class ListView(SignedInMixin, TemplateView):
    """List the passkeys. The page's script lets devices forget those that were removed."""

    template_name = "mfa/passkeys/list.html"

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            passkeys=credentials.of(self.user),
            signals={"accepted": options.accepted(self.user)},
            **kwargs,
        )


class AddForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        required=False,
        max_length=credentials.NAME_MAX,
        help_text=gettext_lazy("Such as “my phone”. You can leave it empty."),
    )


@method_decorator(redirect_if_add_not_allowed, name="dispatch")
class AddView(PasskeyPage, FormView[AddForm]):
    """Add a passkey, or with `?kind=key` a security key for the second step."""

    form_class = AddForm
    template_name = "mfa/passkeys/add.html"

    @override
    def form_valid(self, form: AddForm) -> HttpResponse:
        session = current(self.request)
        proofs.require(session)  # again: it may have ended since `dispatch`
        try:
            new = answers.register(answers.parse(self.request.POST.get(CREDENTIAL, "")), self.user)
            _row, plain = changes.add_passkey(
                self.user,
                new,
                name=form.cleaned_data["name"],
                session=session,
                client=client_of(self.request),
            )
        except PasskeyError as error:
            if error.why is Why.EXPIRED and self._is_added():  # the form was sent again
                messages.info(self.request, PasskeyError(Why.KNOWN).message)
                return redirect("mfa_list_webauthn")
            form.add_error(None, error)
            return self.form_invalid(form)
        self.request.session.cycle_key()
        offers.close(self.request)
        messages.success(self.request, _("Your passkey was added."))
        list_url = reverse("mfa_list_webauthn")
        if not plain:
            return redirect(list_url)
        return shown_codes.show(self.request, plain, next_url=list_url)

    def _is_added(self) -> bool:
        """Return True if the account has the credential of this form already."""
        try:
            credential_id = answers.parse(self.request.POST.get(CREDENTIAL, "")).get("id")
        except PasskeyError:
            return False
        rows = credentials.of(self.user)
        return credential_id in [row.data["credential_id"] for row in rows]

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_key = self.request.GET.get("kind") == SECURITY_KEY
        is_first = not registry.factors_of(self.user)
        return super().get_context_data(is_key=is_key, is_first=is_first, **kwargs)


class LaterView(SignedInMixin, View):
    """Close the offer of a passkey. This browser doesn't show it again."""

    http_method_names = ["post"]
    shown_on = "accounts:home"

    def post(self, request: HttpRequest) -> HttpResponse:
        offers.close(request)
        return redirect("accounts:home")


class OnePasskey(PasskeyPage):
    """A page of one passkey of this account."""

    kwargs: dict[str, Any]

    @property
    def passkey(self) -> Authenticator:
        mine = Authenticator.objects.filter(user=self.user, type=FactorKind.PASSKEY)
        row: Authenticator = get_object_or_404(mine, pk=self.kwargs["pk"])
        return row

    @override
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead back to the list if the passkey is gone, or never was this account's."""
        try:
            return super().dispatch(request, *args, **kwargs)
        except Http404:
            messages.info(request, _("That passkey is removed already."))
            return redirect("mfa_list_webauthn")


class RenameForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=credentials.NAME_MAX)

    def clean_name(self) -> str:
        name = enrolment.clean(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError(_("Please enter a name."))
        return name


class RenameView(OnePasskey, FormView[RenameForm]):
    form_class = RenameForm
    template_name = "mfa/passkeys/rename.html"

    @override
    def get_initial(self) -> dict[str, Any]:
        return {"name": self.passkey.data["name"]}

    @override
    def form_valid(self, form: RenameForm) -> HttpResponse:
        enrolment.rename(self.passkey, form.cleaned_data["name"])
        messages.success(self.request, _("Saved."))
        return redirect("mfa_list_webauthn")


class RemoveView(OnePasskey, FormView[forms.Form]):
    form_class = forms.Form
    template_name = "mfa/passkeys/remove.html"

    @override
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_last = registry.is_last(self.passkey)
        return super().get_context_data(passkey=self.passkey, is_last=is_last, **kwargs)

    @override
    def form_valid(self, form: forms.Form) -> HttpResponse:
        changes.remove_passkey(self.user, self.passkey.pk, client=client_of(self.request))
        messages.success(self.request, _("The passkey was removed. It no longer works here."))
        return redirect("mfa_list_webauthn")
