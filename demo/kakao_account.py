"""Build Kakao's data about a person: ID token claims and the nested shape of /v2/user/me."""

import datetime as dt
import time

from demo.ledger import Grant

ID_TOKEN_SECONDS = 21599
CONSENT_ITEMS = frozenset({"account_email", "profile_nickname"})


def agreed(grant: Grant) -> frozenset[str]:
    withheld = frozenset() if grant.identity.is_email_shared else {"account_email"}
    return grant.request.scopes - withheld


def me(grant: Grant, *, connected_at: dt.datetime) -> dict[str, object]:
    identity = grant.identity
    nickname = {"nickname": identity.name} if "profile_nickname" in agreed(grant) else {}
    return {
        "id": int(identity.subject),
        "connected_at": connected_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "properties": nickname,
        "kakao_account": nickname_part(nickname) | email_part(grant),
    }


def nickname_part(nickname: dict[str, str]) -> dict[str, object]:
    if not nickname:
        return {"profile_nickname_needs_agreement": True}
    profile: dict[str, object] = {**nickname, "is_default_nickname": False}
    return {"profile_nickname_needs_agreement": False, "profile": profile}


def email_part(grant: Grant) -> dict[str, object]:
    """Return the members about the email. Without consent they only say that there is an address."""
    identity = grant.identity
    if "account_email" not in agreed(grant):
        return {"has_email": True, "email_needs_agreement": True}
    return {
        "has_email": True,
        "email_needs_agreement": False,
        "is_email_valid": True,
        "is_email_verified": identity.is_email_verified,
        "email": identity.email,
    }


def id_token(grant: Grant, *, issuer: str) -> dict[str, object]:
    """Return Kakao's claims. They hold an email, but don't say whether it is verified."""
    asked, now, shared = grant.request, int(time.time()), agreed(grant)
    claims: dict[str, object] = {"iss": issuer, "aud": asked.client_id, "auth_time": now}
    claims["sub"] = grant.identity.subject
    if "profile_nickname" in shared:
        claims["nickname"] = grant.identity.name
    if "account_email" in shared:
        claims["email"] = grant.identity.email
    if asked.nonce:
        claims["nonce"] = asked.nonce
    return claims | {"iat": now, "exp": now + ID_TOKEN_SECONDS}
