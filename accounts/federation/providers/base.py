"""The rules that all providers share: PKCE, our own calls, nothing from the query, a small profile."""

import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.socialaccount.adapter import get_adapter
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

from accounts.federation.errors import ProviderError, ProviderUnavailableError
from accounts.federation.profile import Profile, Proof
from accounts.federation.wire import fetch, replay

log = logging.getLogger(__name__)


class StrictClient(OAuth2Client):
    @override
    def get_access_token(
        self,
        code: str,
        pkce_code_verifier: str | None = None,
        extra_data: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """allauth's would take a form where JSON belongs, follow redirects, and wait for drips."""
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
    """Read the addresses from the settings at each request; they stand nowhere else."""

    client_class = StrictClient

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.options: dict[str, Any] = settings.SOCIALACCOUNT_PROVIDERS[self.provider_id]
        self.authorize_url: str = self.options["AUTHORIZE_URL"]
        self.access_token_url: str = self.options["ACCESS_TOKEN_URL"]

    def provider(self) -> Any:
        return get_adapter(self.request).get_provider(self.request, self.provider_id)

    def profile(self, answer: dict[str, Any]) -> Profile:
        """Who signed in, from the token endpoint's answer. Raises `ProviderError`."""
        raise NotImplementedError

    @override
    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """allauth wants one; it is used for this request and stored nowhere."""
        return SocialToken(token=data["access_token"])

    @override
    def complete_login(
        self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        login: SocialLogin = self.provider().sociallogin(request, self.profile(kwargs["response"]))
        return login


class UnlinksBy(Enum):
    """What a provider needs from us to end its side of a connection."""

    NOTHING = "no message is possible"
    UID = "its id of the person"
    TOKEN = "an access token of the person"  # noqa: S105 - no password


class StrictProvider(OAuth2Provider):
    account_class = ProviderAccount
    supports_token_authentication = True
    language = ""
    """Visitors with this language see this provider's button first."""
    button: str | Promise = ""
    """The label that the provider's brand guide demands, or ''."""
    reauthentication: Mapping[str, str] = {}
    """Parameters that make the provider ask for the password again."""
    unlinks_by = UnlinksBy.NOTHING
    unlinking_serves_for = timedelta(days=7)
    """How long after the end of a connection a message to the provider is still useful."""
    grants_url = ""
    """The page where people end a connection at the provider by themselves."""

    def prove(self, token: dict[str, Any]) -> Proof:
        """Verify what a native app got from the provider. Raises `ProviderError`.

        `token` has `id_token` or `access_token`, and may have `nonce` and `client_id`.
        """
        raise NotImplementedError

    def unlink(self, *, uid: str, token: str) -> None:
        """Tell the provider that this person's connection has ended; it may have known already.

        Raises `ProviderError`: to be tried again.
        """
        raise NotImplementedError

    @property
    def client_ids(self) -> list[str]:
        """Every client of ours that this provider knows, native apps included."""
        return [app["client_id"] for app in self.get_settings()["APPS"]]

    def sociallogin(self, request: HttpRequest, profile: Profile) -> SocialLogin:
        login: SocialLogin = self.sociallogin_from_response(request, profile)
        return login

    # allauth asks these.

    @override
    def get_pkce_params(self) -> dict[str, Any]:
        """S256 always, no setting turns it off."""
        return generate_code_challenge()

    @override
    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        """allauth lets the query add scopes: a link could ask a visitor for more than we use."""
        return list(self.get_settings().get("SCOPE", []))

    @override
    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, Any]:
        """allauth lets the query set any parameter, `redirect_uri` and `state` included."""
        return dict(self.reauthentication) if action == AuthAction.REAUTHENTICATE else {}

    @override
    def redirect(
        self,
        request: HttpRequest,
        process: str,
        next_url: str | None = None,
        data: Any = None,
        **kwargs: Any,
    ) -> HttpResponse:
        """Keep the choice "Stay signed in" in the state, if the form has one."""
        if process == AuthProcess.LOGIN and "remember" in request.POST:
            kwargs["stays"] = request.POST["remember"] == "on"
        response: HttpResponse = super().redirect(
            request, process, next_url=next_url, data=data, **kwargs
        )
        return response

    @override
    def verify_token(self, request: HttpRequest, token: dict[str, Any]) -> SocialLogin:
        """The headless door of native apps."""
        if json.loads(request.body).get("process") == AuthProcess.CONNECT:
            # Before the token is used up: the app sends it again afterwards.
            _require_recent_proof(request)
        try:
            proof = self.prove(token)
            replay.spend(proof.fingerprint, expires_at=proof.expires_at)
        except ProviderUnavailableError as exc:
            log.warning("%s can't be asked: %s", self.id, exc)
            raise
        except ProviderError as exc:
            log.warning("a token of %s was refused: %s", self.id, exc)
            raise get_adapter().validation_error("invalid_token") from exc
        return self.sociallogin(request, proof.profile)

    @override
    def extract_uid(self, data: Profile) -> str:
        return data.uid

    @override
    def extract_extra_data(self, data: Profile) -> dict[str, str]:
        """Stored: what tells one connected account from another on the owner's page."""
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
    """Raises `ReauthenticationRequired`, which allauth answers with 401 and what to do."""
