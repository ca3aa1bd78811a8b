"""Google: the ID token says who somebody is, on the web as from a native app."""

from datetime import timedelta
from typing import Any

from allauth.socialaccount.providers.base.constants import AuthAction
from django.http import HttpRequest

from accounts.social import fetch, id_tokens
from accounts.social.exceptions import RefusedError, TokenKindError
from accounts.social.google import claims
from accounts.social.google.views import GoogleAdapter
from accounts.social.profile import Proof
from accounts.social.provider import StrictProvider, UnlinksBy


class GoogleProvider(StrictProvider):
    id = "google"
    name = "Google"
    oauth2_adapter_class = GoogleAdapter
    unlinks_by = UnlinksBy.TOKEN
    unlinking_serves_for = timedelta(hours=1)
    grants_url = "https://myaccount.google.com/connections"

    def get_pkce_params(self) -> dict[str, Any]:
        params = super().get_pkce_params()
        return params | {"nonce": claims.nonce_of(params["code_verifier"])}

    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, Any]:
        params = super().get_auth_params_from_request(request, action)
        return params | (
            {"prompt": "select_account consent"} if action == AuthAction.REAUTHENTICATE else {}
        )

    def prove(self, token: dict[str, Any]) -> Proof:
        """An access token proves nothing here: Google gives them to every app alike."""
        presented = token.get("id_token")
        if not presented:
            raise TokenKindError("Google signs in by ID token only")
        told = claims.verified(
            presented, audiences=self.client_ids, nonce=str(token.get("nonce") or "")
        )
        return Proof(claims.profile(told), id_tokens.fingerprint(presented), told["exp"])

    def unlink(self, *, uid: str, token: str) -> None:
        """RFC 7009. Google answers 400 where the RFC has 200: to a token that is dead already."""
        try:
            fetch.post(self.get_settings()["REVOKE_URL"], {"token": token})
        except RefusedError as exc:
            if exc.answer.get("error") != "invalid_token":
                raise


provider_classes = [GoogleProvider]
