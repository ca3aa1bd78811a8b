"""Ask programs for a fresh proof, and take the proof that a native app gets from a provider.

Calls of `/api/` get a 401 by RFC 9470, those of allauth's headless API a 401 with `flows`. Both name
the same proofs (`accounts.pages.proofs`).
"""

import logging
import time
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.decorators import rate_limit
from allauth.headless.base import response
from allauth.headless.base.views import ReauthenticationAPIView
from allauth.headless.constants import Client
from allauth.headless.internal.restkit.response import ErrorResponse
from allauth.headless.socialaccount import inputs
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView
from typing_extensions import override

from accounts.errors import SignUpPendingError
from accounts.factors import registry
from accounts.federation import confirmation
from accounts.federation.errors import ProviderError
from accounts.pages import proofs
from accounts.request import sign_in_of
from accounts.signins import proofs as rule
from accounts.signins.models import AuthSession
from api import problems
from api.authentication import account
from api.exceptions import FreshProofRequired, InvalidCredentials

if TYPE_CHECKING:
    from accounts.people.models import User
    from api.tokens.jwts import AccessJWT

log = logging.getLogger(__name__)


def sid_of(request: Request) -> UUID:
    """Return the id of the caller's sign-in, whether a token or a cookie named it."""
    return cast("AccessJWT | AuthSession", request.auth).sid


def require(request: Request, *, password: str = "") -> None:
    """Call before a sensitive act of `/api/`. The password, if sent along, is a proof, too.

    But not of an account with a second factor: that one proves.
    Raises `FreshProofRequired`; for a wrong password `InvalidCredentials`, counted as at a sign-in,
    or `TooManyRequestsError`.
    """
    has_factor = bool(registry.factors_of(account(request)))
    if password and not has_factor:
        _check(request, password)
        return
    session = AuthSession.objects.active().filter(pk=sid_of(request)).first()
    if not rule.is_fresh(session):
        raise FreshProofRequired(flows=proofs.flows(account(request)))


class RecentlyAuthenticated(BasePermission):
    """Permission of DRF views whose every method is sensitive. Put it after `IsAuthenticated`."""

    @override
    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return True. Raises `FreshProofRequired`, a 401 by RFC 9470, in place of a 403."""
        require(request)
        return True


def _check(request: Request, password: str) -> None:
    user, http = account(request), request._request  # noqa: SLF001 - DRF's only way to it
    sign_in_of(http).proving = sid_of(request)
    try:
        found = get_adapter(http).authenticate(http, email=user.email, password=password)
    except SignUpPendingError as exc:
        raise InvalidCredentials from exc
    finally:
        sign_in_of(http).proving = None
    if found is None or found.pk != user.pk:
        raise InvalidCredentials


class ReauthenticationResponse(response.ReauthenticationResponse):
    """Answer allauth's 401 with all proofs of ours in `flows`, and the challenge of RFC 9470."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        if request.user.is_authenticated:
            self.headers["WWW-Authenticate"] = problems.step_up_challenge()

    @override
    def _get_flows(self, request: HttpRequest, user: "User") -> list[dict[str, Any]]:
        known: list[dict[str, Any]] = super()._get_flows(request, user)
        if not user.is_authenticated:
            return known
        offered = {flow["id"]: flow for flow in proofs.flows(user)}
        others = {flow["id"]: flow for flow in known}
        for flow in get_reauthentication_flows(user):  # those that count stand in `offered`
            others.pop(flow["id"], None)
        pending = {flow["id"]: flow for flow in known if flow.get("is_pending")}
        return list((offered | others | pending).values())


class ProviderProofInput(inputs.ProviderTokenInput):
    """A provider's token, as for a sign-in, but without a `process`."""

    process = None  # type: ignore[assignment]  # so Django takes the field away

    @override
    def clean(self) -> dict[str, Any]:
        self.cleaned_data["process"] = confirmation.PROCESS
        cleaned: dict[str, Any] = super().clean()  # type: ignore[no-untyped-call]  # allauth's
        return cleaned


@method_decorator(rate_limit(action="reauthenticate"), name="handle")
class ReauthenticateByProviderView(ReauthenticationAPIView):
    """Take a provider's token that a native app has just got, as a proof of the app's sign-in."""

    reauthentication_method = "socialaccount"
    input_class = ProviderProofInput
    input: ProviderProofInput

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        login, user = self.input.cleaned_data["sociallogin"], cast("User", request.user)
        provider, uid = login.account.provider, login.account.uid
        lately = time.time() - settings.FRESH_PROOF_SECONDS
        try:
            confirmation.check(user, provider, uid)
            confirmation.check_time(login.state["auth_time"], since=lately)
        except ProviderError as exc:
            log.warning("%s confirms no sign-in: %s", provider, exc)
            confirmation.record_refusal(request, exc)
            text = confirmation.text_of(exc, provider)
            refused = ValidationError(text, code=confirmation.REASONS[type(exc)])
            return ErrorResponse(request, exception=refused)
        confirmation.accept(request, user, provider, uid)
        return response.AuthenticationResponse(request)


def install() -> None:
    """Make allauth's headless views answer with our 401. Call before the first request."""
    response.ReauthenticationResponse = ReauthenticationResponse  # type: ignore[misc]  # allauth's


def urlpatterns() -> list[URLPattern]:
    """Return the routes that we add to allauth's headless API."""
    view = ReauthenticateByProviderView
    return [
        path(
            f"{client.value}/v1/auth/reauthenticate/provider",
            view.as_api_view(client=client),
            name="reauthenticate_by_provider",
        )
        for client in Client
    ]
