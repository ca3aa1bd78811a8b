"""The browser's way to Kakao and back."""

from typing import Any

from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView

from accounts.social.kakao import account
from accounts.social.profile import Profile
from accounts.social.views import StrictAdapter


class KakaoAdapter(StrictAdapter):
    """By profile, not by ID token: an app may have OpenID Connect switched off at Kakao."""

    provider_id = "kakao"

    def profile(self, answer: dict[str, Any]) -> Profile:
        return account.profile(answer["access_token"])


oauth2_login = OAuth2LoginView.adapter_view(KakaoAdapter)
oauth2_callback = OAuth2CallbackView.adapter_view(KakaoAdapter)
