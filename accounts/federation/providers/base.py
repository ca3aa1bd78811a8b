"""Define the rules of all providers: PKCE, our own calls, fixed parameters, a small profile."""

import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialLogin, SocialToken
from allauth.socialaccount.providers.base.constants import AuthAction, AuthProcess
from allauth.socialaccount.providers.base.provider import ProviderAccount
from allauth.socialaccount.providers.oauth2.client import OAuth2Client
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from allauth.socialaccount.providers.oauth2.utils import generate_code_challenge
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from typing_extensions import override

from accounts.federation import limits, states, ways_out
from accounts.federation.errors import ProviderError, ProviderUnavailableError
from accounts.federation.profile import Profile, Proof
from accounts.federation.ways_out import WayOut
from accounts.federation.wire import fetch, outage, replay
from accounts.request import client_of, user_id_of

log = logging.getLogger(__name__)

PROCESSES = (AuthProcess.LOGIN, AuthProcess.CONNECT, AuthProcess.REDIRECT)
"""The processes that a request may ask for."""
DISCONNECT = "disconnect"
"""Our process beside allauth's (`AuthProcess`): the attempt that ends a connection at a provider."""


class StrictClient(OAuth2Client):
    @override
    def get_access_token(
        self,
        code: str,
        pkce_code_verifier: str | None = None,
        extra_data: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Exchange the code for the provider's answer, and return that answer.

        allauth's client would accept a form instead of JSON, follow redirects, and wait without a
        limit for a slow server. Raises `ProviderError`, also if the answer has no access token.
        """
        form = {
            "grant_type": "authorization_code",
            "client_id": self.consumer_key,
            "redirect_uri": self.callback_url,
            "code": code,
            "code_verifier": pkce_code_verifier or "",
            **(extra_data or {}),
        }
        if self.consumer_secret:  # Kakao's is optional
            form["client_secret"] = self.consumer_secret
        answer = fetch.post(self.access_token_url, form)
        token = answer.get("access_token")
        if not isinstance(token, str) or not fetch.is_bearer(token):
            raise ProviderError("no access token")
        return answer


class StrictAdapter(OAuth2Adapter):
    """Talk to a provider for allauth, at the addresses that the settings have at this request."""

    client_class = StrictClient

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.options: dict[str, Any] = settings.SOCIALACCOUNT_PROVIDERS[self.provider_id]
        self.authorize_url: str = self.options["AUTHORIZE_URL"]
        self.access_token_url: str = self.options["ACCESS_TOKEN_URL"]

    def provider(self) -> Any:
        return get_adapter(self.request).get_provider(self.request, self.provider_id)

    def profile(self, answer: dict[str, Any]) -> Profile:
        """Return the person's profile, from the token endpoint's answer. Raises `ProviderError`."""
        raise NotImplementedError

    def auth_time(self, answer: dict[str, Any], *, uid: str) -> int | None:
        """Return when this person last signed in at the provider, or None if it doesn't say.

        In epoch seconds, from `auth_time` of an ID token. Raises `ProviderError`.
        """
        return None

    @override
    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """Return the token that allauth demands. It serves this request and is not stored."""
        return SocialToken(token=data["access_token"])

    @override
    def complete_login(
        self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        login: SocialLogin = self.provider().sociallogin(request, self.profile(kwargs["response"]))
        return login


class UnlinksBy(Enum):
    """The data that a provider needs from us to end its side of a connection."""

    NOTHING = "no message is possible"
    UID = "its id of the person"
    TOKEN = "a token of the person"  # noqa: S105 - no password


class StrictProvider(OAuth2Provider):
    account_class = ProviderAccount
    supports_token_authentication = True
    language = ""
    """Visitors with this language see this provider's button first."""
    button: str | Promise = ""
    """The label that the provider's brand guide demands, or ''."""
    refuses_embedded_browsers = False
    """Does the provider refuse to sign people in inside another app, such as KakaoTalk?"""
    reauthentication: Mapping[str, str] = {}
    """Parameters that make the provider ask for the password again."""
    unlinks_by = UnlinksBy.NOTHING
    unlinking_serves_for = timedelta(days=7)
    """How long after the end of a connection a message to the provider is still useful."""
    disconnection: Mapping[str, str] = {}
    """Parameters that make the provider give a refresh token to a disconnection."""
    grants_url = ""
    """The page where people end a connection at the provider by themselves."""

    def prove(self, token: dict[str, Any]) -> Proof:
        """Verify the token that a native app got from the provider. Returns a `Proof`.

        `token` has `id_token` or `access_token`, and may have `nonce` and `client_id`. Raises
        `ProviderError`; `TokenKindError` if the provider has no sign-in by this kind of token.
        """
        raise NotImplementedError

    def unlink(self, *, uid: str, token: str) -> None:
        """Tell the provider that the connection of the person `uid` has ended.

        Succeeds also if the provider knew. Raises `ProviderError`: then call it again later.
        """
        raise NotImplementedError

    @property
    def client_ids(self) -> list[str]:
        """Return all client ids that we have at this provider, those of native apps included."""
        return [app["client_id"] for app in self.get_settings()["APPS"]]

    def sociallogin(self, request: HttpRequest, profile: Profile) -> SocialLogin:
        login: SocialLogin = self.sociallogin_from_response(request, profile)
        return login

    @property
    def is_down(self) -> bool:
        """Return True if pages should say beside the button that the provider is down."""
        return outage.is_marked(self.id)

    @property
    def way_out(self) -> WayOut | None:
        """Return how to open this page in another browser, if the provider refuses this one."""
        return ways_out.of(self.request) if self.refuses_embedded_browsers else None

    # allauth asks these.

    @override
    def redirect(
        self,
        request: HttpRequest,
        process: str,
        next_url: str | None = None,
        data: Any = None,
        **kwargs: Any,
    ) -> HttpResponse:
        """Redirect to the provider; if the provider is down, return an error page instead.

        A disconnection is always redirected, because the connection has ended here already. Counts
        every other attempt. Raises `TooManyRequestsError`, and `ReauthenticationRequired` for a
        connection without a fresh proof.
        """
        if process == AuthProcess.CONNECT:
            # Ask now: after the redirect, a connection without a fresh proof would be refused.
            _require_recent_proof(request)
        try:
            if process != DISCONNECT:
                outage.require(self.id)
        except ProviderUnavailableError as exc:
            state = {"process": process, "next": next_url, "headless": kwargs.get("headless")}
            refused: HttpResponse = render_authentication_error(
                request, self, exception=exc, extra_context={"state": state}
            )
            return refused
        if process == AuthProcess.LOGIN and "remember" in request.POST:
            kwargs["stays"] = request.POST["remember"] == "on"  # kept in the state
        if process != DISCONNECT:
            kwargs["begun"] = limits.begin(request)  # kept in the state
        kwargs["user"] = user_id_of(request)  # kept in the state
        states.make_room(request, next_url or "")
        response: HttpResponse = super().redirect(request, process, next_url, data, **kwargs)
        return response

    @override
    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the request asks for. Any other process than allauth's counts as a sign-in.

        Our own processes are not for requests: a disconnection is not counted.
        """
        kwargs: dict[str, Any] = super().get_redirect_from_request_kwargs(request)
        if kwargs["process"] not in PROCESSES:
            kwargs["process"] = AuthProcess.LOGIN
        return kwargs

    @override
    def get_pkce_params(self) -> dict[str, Any]:
        """Return new parameters for PKCE with S256. No setting turns PKCE off."""
        return generate_code_challenge()

    @override
    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        """Return the scopes of the settings. allauth would also take scopes from the query.

        A link could then ask a visitor for more data than we use.
        """
        return list(self.get_settings().get("SCOPE", []))

    @override
    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, Any]:
        """Return our own parameters only: those that make the provider ask for the password again.

        allauth would let the query set any parameter, even `redirect_uri` and `state`.
        """
        return dict(self.reauthentication) if action == AuthAction.REAUTHENTICATE else {}

    @override
    def verify_token(self, request: HttpRequest, token: dict[str, Any]) -> SocialLogin:
        """Verify a native app's token for allauth's headless API, and mark it as used.

        Returns the login for allauth's pipeline. Raises `ProviderUnavailableError`, `STORE_ERRORS`,
        `TooManyRequestsError` or `ReauthenticationRequired`, and for any other refusal allauth's
        error `invalid_token`.
        """
        if json.loads(request.body).get("process") == AuthProcess.CONNECT:
            # Ask before using the token up, because the app sends it again after the proof.
            _require_recent_proof(request)
        network = client_of(request).network
        limits.require_proofs(network)
        try:
            proof = self.prove(token)
            replay.spend_all(proof.used)
        except ProviderUnavailableError as exc:
            log.warning("%s can't be asked: %s", self.id, exc)
            raise
        except ProviderError as exc:
            log.warning("a token of %s was refused: %s", self.id, exc)
            limits.count_refusal(network)
            raise get_adapter().validation_error("invalid_token") from exc
        login = self.sociallogin(request, proof.profile)
        login.state["auth_time"] = proof.auth_time
        return login

    @override
    def extract_uid(self, data: Profile) -> str:
        return data.uid

    @override
    def extract_extra_data(self, data: Profile) -> dict[str, str]:
        """Return the email or name, by which the owner recognises the connection on the page."""
        return {"email": data.email} if data.email else {"name": data.name}

    @override
    def extract_common_fields(self, data: Profile) -> dict[str, str]:
        return {"email": data.email, "name": data.name}

    @override
    def extract_email_addresses(self, data: Profile) -> list[EmailAddress]:
        if not data.email:
            return []
        return [EmailAddress(email=data.email, verified=data.is_email_verified, primary=True)]


@reauthentication_required(app="allauth.socialaccount")  # type: ignore[untyped-decorator]
def _require_recent_proof(request: HttpRequest) -> None:
    """Raise `ReauthenticationRequired` unless the user has proved the account a short time ago.

    allauth answers with a 401 that names the ways to prove it.
    """
