"""The browser's way to a provider and back, on our own calls instead of allauth's."""

from typing import Any

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Client
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter
from django.conf import settings
from django.http import HttpRequest

from accounts.social import fetch
from accounts.social.exceptions import ProviderError
from accounts.social.profile import Profile


class StrictClient(OAuth2Client):
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
        }
        if self.consumer_secret:  # Kakao's is optional
            form["client_secret"] = self.consumer_secret
        answer = fetch.post(self.access_token_url, form)
        token = answer.get("access_token")
        if not isinstance(token, str) or not fetch.is_bearer(token):
            raise ProviderError("no access token")
        return answer


class StrictAdapter(OAuth2Adapter):
    """Addresses are read for each request: the settings are the only place that has them."""

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

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """allauth wants one; it is used for this request and stored nowhere."""
        return SocialToken(token=data["access_token"])

    def complete_login(
        self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        login: SocialLogin = self.provider().sociallogin(request, self.profile(kwargs["response"]))
        return login
