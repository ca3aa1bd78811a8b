"""The browser's way to Google and back."""

from typing import Any

from allauth.socialaccount.providers.oauth2.views import OAuth2LoginView
from django.http import HttpRequest

from accounts.social.disconnection import CallbackView
from accounts.social.exceptions import ProviderError
from accounts.social.google import claims
from accounts.social.profile import Profile
from accounts.social.views import StrictAdapter


class GoogleAdapter(StrictAdapter):
    provider_id = "google"
    nonce = ""

    def get_access_token_data(
        self, request: HttpRequest, app: Any, client: Any, pkce_code_verifier: str | None = None
    ) -> dict[str, Any]:
        # RFC 9207: an answer that another server caused. Google sends it; nobody has to.
        issuer = request.GET.get("iss")
        if issuer is not None and issuer not in self.options["ISSUERS"]:
            raise ProviderError("another issuer answered")
        self.nonce = claims.nonce_of(pkce_code_verifier or "")
        answer: dict[str, Any] = super().get_access_token_data(
            request, app, client, pkce_code_verifier=pkce_code_verifier
        )
        return answer

    def profile(self, answer: dict[str, Any]) -> Profile:
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderError("no ID token")
        client_id = self.provider().app.client_id
        return claims.profile(claims.verified(token, audiences=[client_id], nonce=self.nonce))


oauth2_login = OAuth2LoginView.adapter_view(GoogleAdapter)
oauth2_callback = CallbackView.adapter_view(GoogleAdapter)  # type: ignore[no-untyped-call]  # allauth's
