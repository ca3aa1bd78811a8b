"""Exchange a refresh token for the next pair."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework_simplejwt.exceptions import TokenError

from accounts.client_info import ClientInfo
from accounts.signins import refresh
from api.exceptions import InvalidToken
from api.tokens import claims, jwts


def next_pair(
    raw_token: str, *, access: str = "", client: ClientInfo | None = None
) -> dict[str, Any]:
    """Return the next pair of this sign-in.

    Raises `InvalidToken`; what a reused token causes is committed before. `access`, expired or not,
    must be of the same sign-in. If it isn't, nothing changes: this proves no theft of the refresh
    token.
    """
    try:
        token = jwts.RefreshJWT(raw_token)
        must_match = bool(access) or settings.REFRESH_REQUIRES_ACCESS_TOKEN
        if must_match and jwts.AccessJWT(access, verify=False).sid != token.sid:
            raise InvalidToken
        presented = refresh.Presented(
            sid=token.sid,
            user_id=UUID(token["sub"]),
            jti=str(token["jti"]),
            client_id=str(token["client_id"]),
            issued_at=int(token["iat"]),
            expires_at=datetime.fromtimestamp(token["exp"], UTC),
        )
    except (TokenError, TypeError, ValueError, OverflowError, OSError) as exc:
        raise InvalidToken from exc
    match refresh.rotate(
        presented, client=client or ClientInfo(), user_columns=claims.USER_COLUMNS
    ):
        case refresh.Rotated(session) | refresh.Repeated(session):
            if session.user is None or session.user.email in settings.REFUSED_EMAILS:
                raise InvalidToken  # a demo account outside `DEMO`
            return jwts.pair(session)
        case refresh.Reused() | refresh.Expired() | refresh.Unknown():
            raise InvalidToken
