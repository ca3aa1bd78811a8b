"""A refresh token in, the next pair out."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from rest_framework_simplejwt.exceptions import TokenError

from accounts import refresh as refresh_tokens
from accounts.client_info import ClientInfo
from api import tokens
from api.exceptions import InvalidToken


def refresh(raw_token: str, *, client: ClientInfo | None = None) -> dict[str, Any]:
    """Rotate and mint. Raises `InvalidToken`, after whatever it caused has been committed."""
    try:
        token = tokens.RefreshJWT(raw_token)
        presented = refresh_tokens.Presented(
            sid=token.sid,
            user_id=UUID(token["sub"]),
            jti=str(token["jti"]),
            client_id=str(token["client_id"]),
            issued_at=int(token["iat"]),
            expires_at=datetime.fromtimestamp(token["exp"], UTC),
        )
    except (TokenError, TypeError, ValueError, OverflowError, OSError) as exc:
        raise InvalidToken from exc
    match refresh_tokens.rotate(presented, client=client or ClientInfo()):
        case refresh_tokens.Rotated(session) | refresh_tokens.Repeated(session):
            return tokens.pair(session)
        case refresh_tokens.Reused() | refresh_tokens.Expired() | refresh_tokens.Unknown():
            raise InvalidToken
