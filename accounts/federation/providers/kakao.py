"""Kakao: identify a person by the profile API; in native apps also by ID token."""

import hashlib
import time
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from typing_extensions import override

from accounts.federation.errors import ProviderError, RefusedError
from accounts.federation.profile import MAX_NAME_CHARACTERS, Profile, Proof, address, mapping, text
from accounts.federation.providers.base import StrictAdapter, StrictProvider, UnlinksBy
from accounts.federation.wire import fetch, id_tokens

NOT_REGISTERED = -101
"""Kakao's code for a person who isn't connected to the app (any more)."""


class KakaoAdapter(StrictAdapter):
    """Read the person from the profile API: Kakao gives ID tokens only if the app asks for them."""

    provider_id = "kakao"

    @override
    def profile(self, answer: dict[str, Any]) -> Profile:
        return _profile(answer["access_token"])

    @override
    def auth_time(self, answer: dict[str, Any], *, uid: str) -> int | None:
        """Return the time in the ID token, or None without one.

        Kakao adds the token if OpenID Connect is switched on for the app. Raises `ProviderError`.
        """
        token = answer.get("id_token")
        if token is None:
            return None
        if not isinstance(token, str):
            raise ProviderError("the ID token is no text")
        proof = _prove_id_token(token, audiences=[self.provider().app.client_id], nonce="")
        if proof.profile.uid != uid:
            raise ProviderError("the ID token is of another person")
        return proof.auth_time


class Provider(StrictProvider):
    id = "kakao"
    name = gettext_noop("Kakao")
    button = _("Login with Kakao")  # its guide allows one label for all purposes
    language = "ko"
    oauth2_adapter_class = KakaoAdapter
    reauthentication = {"prompt": "login"}

    @override
    def prove(self, token: dict[str, Any]) -> Proof:
        """Verify an ID token, an access token, or both of the same person. Returns the `Proof`.

        Both together are the strongest: the ID token has the nonce, the access token leads to the
        verified email. Raises `ProviderError`.
        """
        id_token, access_token = token.get("id_token"), token.get("access_token")
        if not id_token:
            return _prove_access_token(access_token or "")
        nonce = str(token.get("nonce") or "")
        bound = _prove_id_token(id_token, audiences=self.client_ids, nonce=nonce)
        if not access_token:
            return bound
        told = _prove_access_token(access_token)
        if told.profile.uid != bound.profile.uid:
            raise ProviderError("the tokens are of two people")
        return replace(bound, profile=told.profile, used=bound.used | told.used)

    @property
    @override
    def unlinks_by(self) -> UnlinksBy:  # type: ignore[override]  # as the settings have it
        return UnlinksBy.UID if self.get_settings()["ADMIN_KEY"] else UnlinksBy.NOTHING

    @override
    def unlink(self, *, uid: str, token: str) -> None:
        """End the connection at Kakao by the app's admin key. Needs no `token`.

        Returns if Kakao knew already. Raises `ProviderError`: then call it again later.
        """
        options = self.get_settings()
        if not options["ADMIN_KEY"]:
            raise ProviderError("KAKAO_ADMIN_KEY isn't set")
        form = {"target_id_type": "user_id", "target_id": uid}
        key = f"KakaoAK {options['ADMIN_KEY']}"
        try:
            answer = fetch.post(options["UNLINK_URL"], form, authorization=key)
        except RefusedError as exc:
            if exc.answer.get("code") == NOT_REGISTERED:
                return
            raise
        if number_of(answer.get("id")) != uid:
            raise ProviderError("answered for somebody else")


def _profile(access_token: str) -> Profile:
    """Return the profile of the token's owner, from `/v2/user/me`. Raises `ProviderError`."""
    data = fetch.get(settings.SOCIALACCOUNT_PROVIDERS["kakao"]["PROFILE_URL"], bearer=access_token)
    account = mapping(data.get("kakao_account"))
    return Profile(
        uid=number_of(data.get("id")),
        email=address(account.get("email")),
        # An address that isn't valid any more belongs to somebody else now.
        is_email_verified=account.get("is_email_valid") is True
        and account.get("is_email_verified") is True,
        name=text(mapping(account.get("profile")).get("nickname"), limit=MAX_NAME_CHARACTERS),
    )


def _prove_access_token(access_token: str) -> Proof:
    """Return the proof by an access token. Raises `ProviderError`.

    `/v2/user/me` accepts the token of any Kakao app, so first ask Kakao which app the token is for.
    """
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
    told = _profile(access_token)
    if told.uid != number_of(info.get("id")):
        raise ProviderError("the token is one person's and the profile another's")
    fingerprint = hashlib.sha256(access_token.encode()).hexdigest()
    return Proof(told, {fingerprint: time.time() + seconds})


def _prove_id_token(id_token: str, *, audiences: list[str], nonce: str) -> Proof:
    """Verify an ID token and return who signed in by it. Raises `ProviderError`.

    The token's `email` counts as unverified, because the token doesn't say whether it is verified.
    """
    options = settings.SOCIALACCOUNT_PROVIDERS["kakao"]
    claims = id_tokens.verify(
        id_token,
        issuers=[options["ISSUER"]],
        audiences=audiences,
        jwks_uri=options["JWKS_URL"],
        nonce=nonce,
    )
    told = Profile(
        uid=number_of(claims["sub"]),
        email=address(claims.get("email")),
        name=text(claims.get("nickname"), limit=MAX_NAME_CHARACTERS),
    )
    used = {id_tokens.fingerprint(id_token): claims["exp"]}
    return Proof(told, used, id_tokens.auth_time(claims))


def number_of(value: Any) -> str:
    """Return Kakao's id as digits. The API sends a number, an ID token sends digits.

    Raises `ProviderError` for any other value.
    """
    digits = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 20):  # noqa: PLR2004 - int64
        raise ProviderError("no user id")
    return digits
