"""Build Google's data about a person: ID token claims, security events and both userinfo shapes."""

import base64
import hashlib
import time

from demo.ledger import Grant, Issued
from demo.oauth_standin import AuthorizeRequest

TOKEN_SECONDS = 3599  # Google's `expires_in` for a new token
ID_TOKEN_SECONDS = 3600
LONG_SCOPES = {
    "email": "https://www.googleapis.com/auth/userinfo.email",
    "profile": "https://www.googleapis.com/auth/userinfo.profile",
}
CLAIMS = (
    *("aud", "azp", "at_hash", "email", "email_verified", "exp", "family_name", "given_name"),
    *("iat", "iss", "locale", "name", "nonce", "sub"),
)


def scope_text(asked: AuthorizeRequest) -> str:
    return " ".join(sorted(LONG_SCOPES.get(scope, scope) for scope in asked.scopes))


def id_token(issued: Issued, *, issuer: str) -> dict[str, object]:
    """Return the claims of OIDC Core §2, always with `azp` and `at_hash`, as Google does.

    `auth_time` is there if `max_age` was asked for. The consent page asks each time, so it is now.
    """
    asked, now = issued.grant.request, int(time.time())
    claims: dict[str, object] = {"iss": issuer, "azp": asked.client_id, "aud": asked.client_id}
    claims |= userinfo(issued.grant) | {"at_hash": at_hash(issued.access_token)}
    if asked.nonce:
        claims["nonce"] = asked.nonce
    if asked.max_age:
        claims["auth_time"] = now
    return claims | {"iat": now, "exp": now + ID_TOKEN_SECONDS}


def at_hash(access_token: str) -> str:
    """Return the `at_hash` claim of this access token (OIDC Core §3.1.3.6)."""
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()


def userinfo(grant: Grant) -> dict[str, object]:
    identity, claims = grant.identity, {"sub": grant.identity.subject}
    scopes = grant.request.scopes
    profile = names(identity.name) | {"locale": identity.locale} if "profile" in scopes else {}
    email = (
        {"email": identity.email, "email_verified": identity.is_email_verified}
        if "email" in scopes
        else {}
    )
    return {**claims, **profile, **email}


def userinfo_v2(grant: Grant) -> dict[str, object]:
    """Return the shape that Google used before OpenID Connect. It has no locale."""
    identity, scopes = grant.identity, grant.request.scopes
    profile = names(identity.name) if "profile" in scopes else {}
    email = (
        {"email": identity.email, "verified_email": identity.is_email_verified}
        if "email" in scopes
        else {}
    )
    return {"id": identity.subject, **email, **profile}


def names(name: str) -> dict[str, str]:
    """Return a name as Google's claims. A single word has no `family_name`."""
    given, _, family = name.rpartition(" ")
    return (
        {"name": name, "given_name": given, "family_name": family}
        if given
        else {"name": name, "given_name": name}
    )
