"""allauth's Kakao provider, believing an e-mail only when Kakao vouches for it fully."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.providers.kakao import provider as stock

from accounts.social.kakao.views import KakaoAdapter


class KakaoProvider(stock.KakaoProvider):
    package = "accounts.social.kakao"
    oauth2_adapter_class = KakaoAdapter

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        account = _account(data)
        profile = account.get("profile")
        nickname = profile.get("nickname") if isinstance(profile, dict) else None
        return {"email": account.get("email"), "name": nickname or ""}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        """Verified means valid *and* verified: an invalid address belongs to somebody else now.

        allauth's provider reads an absent `is_email_verified` as None, which no row can hold.
        """
        account = _account(data)
        email = account.get("email")
        if not isinstance(email, str) or not email:
            return []
        is_verified = (
            account.get("is_email_valid") is True and account.get("is_email_verified") is True
        )
        return [EmailAddress(email=email, verified=is_verified, primary=True)]


def _account(data: dict[str, Any]) -> dict[str, Any]:
    account = data.get("kakao_account")
    return account if isinstance(account, dict) else {}


provider_classes = [KakaoProvider]
