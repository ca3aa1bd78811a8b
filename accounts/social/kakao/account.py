"""What Kakao says about a person: by API, or in an ID token."""

import hashlib
import time
from typing import Any

from django.conf import settings

from accounts.social import fetch, id_tokens
from accounts.social.exceptions import ProviderError
from accounts.social.profile import MAX_NAME_CHARACTERS, Profile, Proof, address, text


def profile(access_token: str) -> Profile:
    """Of `/v2/user/me`, for whoever holds the token."""
    data = fetch.get(settings.SOCIALACCOUNT_PROVIDERS["kakao"]["PROFILE_URL"], bearer=access_token)
    account = _dict(data.get("kakao_account"))
    return Profile(
        uid=number(data.get("id")),
        email=address(account.get("email")),
        # An address that isn't valid any more belongs to somebody else now.
        is_email_verified=account.get("is_email_valid") is True
        and account.get("is_email_verified") is True,
        name=text(_dict(account.get("profile")).get("nickname"), limit=MAX_NAME_CHARACTERS),
    )


def prove_access_token(access_token: str) -> Proof:
    """Any Kakao app's token opens `/v2/user/me`: first ask whose it is. Raises `ProviderError`."""
    options = settings.SOCIALACCOUNT_PROVIDERS["kakao"]
    if not fetch.is_bearer(access_token):
        raise ProviderError("no access token")
    if not options["APP_ID"]:
        raise ProviderError("KAKAO_APP_ID isn't set")
    info = fetch.get(options["TOKEN_INFO_URL"], bearer=access_token)
    if info.get("app_id") != options["APP_ID"] or isinstance(info["app_id"], bool):
        raise ProviderError("another app's token")
    seconds = info.get("expires_in")
    if not isinstance(seconds, int) or not 0 < seconds <= id_tokens.MAX_LIFETIME_SECONDS:
        raise ProviderError("the token expires at no time we know")
    told = profile(access_token)
    if told.uid != number(info.get("id")):
        raise ProviderError("the token is one person's and the profile another's")
    fingerprint = hashlib.sha256(access_token.encode()).hexdigest()
    return Proof(told, fingerprint, time.time() + seconds)


def prove_id_token(id_token: str, *, audiences: list[str], nonce: str) -> Proof:
    """Its `email` comes without a word on whether it is valid or verified, so it is neither."""
    options = settings.SOCIALACCOUNT_PROVIDERS["kakao"]
    claims = id_tokens.verify(
        id_token,
        issuers=options["ISSUERS"],
        audiences=audiences,
        jwks_uri=options["JWKS_URL"],
        nonce=nonce,
    )
    told = Profile(
        uid=number(claims["sub"]),
        email=address(claims.get("email")),
        name=text(claims.get("nickname"), limit=MAX_NAME_CHARACTERS),
    )
    return Proof(told, id_tokens.fingerprint(id_token), claims["exp"])


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def number(value: Any) -> str:
    """Kakao's ids: a number by API, the same in digits in an ID token."""
    digits = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 20):  # noqa: PLR2004 - int64
        raise ProviderError("no user id")
    return digits
