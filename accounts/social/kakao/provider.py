"""Kakao: an access token is asked about, an ID token is verified."""

from dataclasses import replace
from typing import Any

from allauth.socialaccount.providers.base.constants import AuthAction
from django.http import HttpRequest

from accounts.social.exceptions import ProviderError
from accounts.social.kakao import account, unlinking
from accounts.social.kakao.views import KakaoAdapter
from accounts.social.profile import Proof
from accounts.social.provider import StrictProvider, UnlinksBy


class KakaoProvider(StrictProvider):
    id = "kakao"
    name = "Kakao"
    oauth2_adapter_class = KakaoAdapter

    @property
    def unlinks_by(self) -> UnlinksBy:  # type: ignore[override]  # as the settings have it
        return UnlinksBy.UID if self.get_settings()["ADMIN_KEY"] else UnlinksBy.NOTHING

    def unlink(self, *, uid: str, token: str) -> None:
        unlinking.unlink(uid)

    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, Any]:
        params = super().get_auth_params_from_request(request, action)
        return params | ({"prompt": "login"} if action == AuthAction.REAUTHENTICATE else {})

    def prove(self, token: dict[str, Any]) -> Proof:
        """By either token. Both together are bound to a nonce *and* tell about the e-mail."""
        id_token, access_token = token.get("id_token"), token.get("access_token")
        if not id_token:
            return account.prove_access_token(access_token or "")
        nonce = str(token.get("nonce") or "")
        bound = account.prove_id_token(id_token, audiences=self.client_ids, nonce=nonce)
        if not access_token:
            return bound
        told = account.prove_access_token(access_token)
        if told.profile.uid != bound.profile.uid:
            raise ProviderError("the tokens are of two people")
        return replace(bound, profile=told.profile)


provider_classes = [KakaoProvider]
