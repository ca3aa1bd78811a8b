"""Add, rename and remove passkeys by allauth's headless API, as `accounts.pages` does."""

from typing import Any, cast

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from allauth.headless.base.views import AuthenticatedAPIView
from allauth.headless.internal.restkit import inputs
from allauth.headless.internal.restkit.response import ErrorResponse
from allauth.headless.mfa import inputs as mfa_inputs
from allauth.headless.mfa import response
from allauth.mfa.internal.flows.add import validate_can_add_authenticator
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from typing_extensions import override

from accounts.factors import changes
from accounts.factors.passkeys import answers, credentials, enrolment, options
from accounts.factors.passkeys.errors import PasskeyError
from accounts.pages.middleware import current
from accounts.pages.transactions import one_transaction
from accounts.people.models import User
from accounts.request import client_of
from api.signin.webauthn_inputs import CredentialInput


class AddInput(CredentialInput):
    name = inputs.CharField(required=False, max_length=credentials.NAME_MAX)


class OwnPasskeysField(inputs.ModelMultipleChoiceField):  # type: ignore[type-arg]  # as allauth writes it
    @override
    def clean(self, value: Any) -> Any:
        """Refuse ids that aren't the user's, before a database refuses numbers that are too large."""
        if isinstance(value, list):
            mine = cast("Any", self.queryset).values_list("pk", flat=True)
            own = {str(pk) for pk in mine}
            for each in value:
                if str(each) not in own:
                    raise ValidationError(
                        self.error_messages["invalid_choice"],
                        code="invalid_choice",
                        params={"value": each},
                    )
        return super().clean(value)


class DeleteInput(mfa_inputs.DeleteWebAuthnInput):
    authenticators = OwnPasskeysField(queryset=Authenticator.objects.none())


class ManageView(AuthenticatedAPIView):
    """Add (GET, then POST), rename (PUT) and remove (DELETE) passkeys. All need a fresh proof."""

    input_class = {
        "POST": AddInput,
        "PUT": mfa_inputs.UpdateWebAuthnInput,
        "DELETE": DeleteInput,
    }
    input: inputs.Input

    @override
    def handle(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        raise_if_reauthentication_required(request, app="allauth.mfa")
        if request.method in {"GET", "POST"}:
            try:
                validate_can_add_authenticator(self.user)
            except ValidationError as error:
                return ErrorResponse(request, status=409, exception=error)
        try:
            return one_transaction(super().handle)(request, *args, **kwargs)
        except OverflowError:  # an id that no database column holds
            text = ModelChoiceField.default_error_messages["invalid_choice"]
            return ErrorResponse(request, exception=ValidationError(text, code="invalid_choice"))

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    @override
    def get_input_kwargs(self) -> dict[str, Any]:
        return {"user": self.user}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer with the creation options. `?passwordless` asks for a passkey that signs in alone."""
        asked = options.creation(self.user, is_passkey="passwordless" in request.GET)
        return response.AddWebAuthnResponse(request, {"publicKey": asked})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        session, given = current(request), self.input.cleaned_data
        if session is None:
            raise ReauthenticationRequired
        try:
            row, plain = changes.add_passkey(
                self.user,
                answers.register(given["credential"], self.user),
                name=given["name"],
                session=session,
                client=client_of(request),
            )
        except PasskeyError as error:
            return ErrorResponse(request, exception=error)
        request.session.cycle_key()
        meta = {"recovery_codes_generated": bool(plain)}
        return response.AuthenticatorResponse(
            request, row, meta=meta | ({"recovery_codes": plain} if plain else {})
        )

    def put(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        row, name = self.input.cleaned_data["id"], self.input.cleaned_data["name"]
        if not enrolment.rename(row, name):
            error = ValidationError(_("Please enter a name."), code="required")
            return ErrorResponse(request, exception=error)
        row.refresh_from_db()
        return response.AuthenticatorResponse(request, row)

    def delete(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        for row in self.input.cleaned_data["authenticators"]:
            changes.remove_passkey(self.user, row.pk, client=client_of(request))
        return response.AuthenticatorsDeletedResponse(request)
