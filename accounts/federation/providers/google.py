"""Google: identify a person by the ID token, on the web and in native apps."""

import base64
import hashlib
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from typing_extensions import override

from accounts.federation.errors import ProviderError, RefusedError, TokenKindError
from accounts.federation.profile import MAX_NAME_CHARACTERS, Profile, Proof, address, text
from accounts.federation.providers.base import StrictAdapter, StrictProvider, UnlinksBy
from accounts.federation.wire import fetch, id_tokens


class GoogleAdapter(StrictAdapter):
    provider_id = "google"
    nonce = ""

    @override
    def get_access_token_data(
        self, request: HttpRequest, app: Any, client: Any, pkce_code_verifier: str | None = None
    ) -> dict[str, Any]:
        # RFC 9207: an answer that another server caused. Google sends it; nobody has to.
        issuer = request.GET.get("iss")
        if issuer is not None and issuer not in _issuers():
            raise ProviderError("another issuer answered")
        self.nonce = _nonce_of(pkce_code_verifier or "")
        answer: dict[str, Any] = super().get_access_token_data(
            request, app, client, pkce_code_verifier=pkce_code_verifier
        )
        return answer

    @override
    def profile(self, answer: dict[str, Any]) -> Profile:
        return _profile(self._claims(answer))

    @override
    def auth_time(self, answer: dict[str, Any], *, uid: str) -> int | None:
        return id_tokens.auth_time(self._claims(answer))

    def _claims(self, answer: dict[str, Any]) -> dict[str, Any]:
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderError("no ID token")
        client_id = self.provider().app.client_id
        return _verified(token, audiences=[client_id], nonce=self.nonce)


class Provider(StrictProvider):
    id = "google"
    name = "Google"
    oauth2_adapter_class = GoogleAdapter
    refuses_embedded_browsers = True
    """Google answers "disallowed_useragent" (its policy for secure browsers)."""
    # Google has no `prompt=login`. It sends `auth_time` to sites that may ask for it.
    reauthentication = {
        "prompt": "select_account consent",
        "max_age": "0",
        "claims": '{"id_token":{"auth_time":{"essential":true}}}',
    }
    unlinks_by = UnlinksBy.TOKEN
    unlinking_serves_for = timedelta(hours=1)
    disconnection = {"access_type": "offline"}
    grants_url = "https://myaccount.google.com/connections"

    @override
    def get_pkce_params(self) -> dict[str, Any]:
        params = super().get_pkce_params()
        return params | {"nonce": _nonce_of(params["code_verifier"])}

    @override
    def prove(self, token: dict[str, Any]) -> Proof:
        """Verify an ID token and return the `Proof`.

        An access token proves nothing: Google gives one to every app, and it doesn't name that app.
        Raises `TokenKindError` without an ID token, and `ProviderError` if it is invalid.
        """
        presented = token.get("id_token")
        if not presented:
            raise TokenKindError("Google signs in by ID token only")
        nonce = str(token.get("nonce") or "")
        claims = _verified(presented, audiences=self.client_ids, nonce=nonce)
        return Proof(
            _profile(claims),
            {id_tokens.fingerprint(presented): claims["exp"]},
            id_tokens.auth_time(claims),
        )

    @override
    def unlink(self, *, uid: str, token: str) -> None:
        """Revoke the token (RFC 7009). Raises `ProviderError`: then call it again later.

        Google answers 400 for a token that is no longer valid, where the RFC says 200. Both count
        as done.
        """
        try:
            fetch.post(self.get_settings()["REVOKE_URL"], {"token": token})
        except RefusedError as exc:
            if exc.answer.get("error") != "invalid_token":
                raise


def _issuers() -> list[str]:
    """Return Google's name in its two spellings, with and without `https://`."""
    issuer: str = settings.SOCIALACCOUNT_PROVIDERS["google"]["ISSUER"]
    return [issuer, issuer.partition("://")[2]]


def _verified(id_token: str, *, audiences: Collection[str], nonce: str) -> dict[str, Any]:
    return id_tokens.verify(
        id_token,
        issuers=_issuers(),
        audiences=audiences,
        jwks_uri=settings.SOCIALACCOUNT_PROVIDERS["google"]["JWKS_URL"],
        nonce=nonce,
    )


def _profile(claims: dict[str, Any]) -> Profile:
    return Profile(
        uid=claims["sub"],
        email=address(claims.get("email")),
        is_email_verified=claims.get("email_verified") is True,
        name=text(claims.get("name"), limit=MAX_NAME_CHARACTERS),
    )


def _nonce_of(verifier: str) -> str:
    """Return the nonce of a web sign-in, a hash of the PKCE verifier. So it belongs to one `state`.

    The session keeps the verifier beside the state; the verifier never passes through the browser.
    """
    digest = hashlib.sha256(b"nonce " + verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
