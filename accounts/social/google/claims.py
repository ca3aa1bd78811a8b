"""Google's ID tokens."""

import base64
import hashlib
from collections.abc import Collection
from typing import Any

from django.conf import settings

from accounts.social import id_tokens
from accounts.social.profile import MAX_NAME_CHARACTERS, Profile, address, text


def verified(id_token: str, *, audiences: Collection[str], nonce: str) -> dict[str, Any]:
    """The claims. Google spells its issuer in two ways, with and without `https://`."""
    options = settings.SOCIALACCOUNT_PROVIDERS["google"]
    return id_tokens.verify(
        id_token,
        issuers=options["ISSUERS"],
        audiences=audiences,
        jwks_uri=options["JWKS_URL"],
        nonce=nonce,
    )


def profile(claims: dict[str, Any]) -> Profile:
    return Profile(
        uid=claims["sub"],
        email=address(claims.get("email")),
        is_email_verified=claims.get("email_verified") is True,
        name=text(claims.get("name"), limit=MAX_NAME_CHARACTERS),
    )


def nonce_of(verifier: str) -> str:
    """The nonce of a web sign-in: bound to its state, since it follows from the PKCE verifier.

    The verifier rests in the session beside the state and never passes through the browser.
    """
    digest = hashlib.sha256(b"nonce " + verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
