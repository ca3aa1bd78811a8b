"""What every provider here has in common: PKCE, nothing from the query, a small profile."""

import logging
from datetime import timedelta
from enum import Enum
from typing import Any

from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base.provider import ProviderAccount
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from allauth.socialaccount.providers.oauth2.utils import generate_code_challenge
from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string

from accounts.social import replay
from accounts.social.exceptions import ProviderError, ProviderUnavailableError
from accounts.social.profile import Profile, Proof

log = logging.getLogger(__name__)


class UnlinksBy(Enum):
    """What it takes to tell a provider that a connection has ended."""

    NOTHING = "it can't be told"
    UID = "its id of the person"
    TOKEN = "an access token of the person"  # noqa: S105 - no password


class StrictProvider(OAuth2Provider):
    """A provider's package has this class, its adapter and its `urls.py`."""

    account_class = ProviderAccount
    supports_token_authentication = True
    unlinks_by = UnlinksBy.NOTHING
    unlinking_serves_for = timedelta(days=7)
    """How long after the end of a connection it is of use to try."""
    grants_url = ""
    """Where people end a connection at the provider by themselves."""

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

    def get_pkce_params(self) -> dict[str, Any]:
        """S256 always, no setting turns it off."""
        return generate_code_challenge()

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        """allauth lets the query add scopes: a link could ask a visitor for more than we use."""
        return list(self.get_settings().get("SCOPE", []))

    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, Any]:
        """allauth lets the query set any parameter, `redirect_uri` and `state` included."""
        return {}

    def verify_token(self, request: HttpRequest, token: dict[str, Any]) -> SocialLogin:
        """The headless door of native apps."""
        try:
            proof = self.prove(token)
            replay.spend(proof.fingerprint, expires_at=proof.expires_at)
        except ProviderUnavailableError as exc:
            log.warning("%s can't be asked: %s", self.id, exc)
            response = import_string(settings.PROVIDER_UNAVAILABLE_VIEW)(request)
            raise ImmediateHttpResponse(response) from exc
        except ProviderError as exc:
            log.warning("a token of %s was refused: %s", self.id, exc)
            raise get_adapter().validation_error("invalid_token") from exc
        return self.sociallogin(request, proof.profile)

    def extract_uid(self, data: Profile) -> str:
        return data.uid

    def extract_extra_data(self, data: Profile) -> dict[str, str]:
        """Stored: what tells one connected account from another on the owner's page."""
        return {"email": data.email} if data.email else {"name": data.name}

    def extract_common_fields(self, data: Profile) -> dict[str, str]:
        return {"email": data.email, "name": data.name}

    def extract_email_addresses(self, data: Profile) -> list[EmailAddress]:
        if not data.email:
            return []
        return [EmailAddress(email=data.email, verified=data.is_email_verified, primary=True)]
