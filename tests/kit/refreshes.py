"""Sign-ins by token and their refresh tokens, as the domain sees them."""

from datetime import UTC, datetime
from typing import Any

from accounts.client_info import ClientInfo
from accounts.signins import refresh, sessions
from accounts.signins.models import AuthSession
from tests.kit.factories import UserFactory

CLIENT = ClientInfo(ip="192.0.2.1", user_agent="curl/8.1")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def opened(**fields: Any) -> AuthSession:
    """A sign-in as `sessions.open` leaves it, at the clock's time."""
    return sessions.open(
        fields.pop("user", None) or UserFactory(),
        kind=sessions.Kind.TOKEN,
        client=CLIENT,
        amr=["pwd"],
        **fields,
    )


def presented(session: AuthSession, **changes: Any) -> refresh.Presented:
    """The current refresh token of `session`, as the wire would present it."""
    return refresh.Presented(
        **{
            "sid": session.pk,
            "user_id": session.user_id,
            "jti": session.refresh_jti,
            "client_id": session.client_id,
            "issued_at": int(session.refreshed_at.timestamp()),
            "expires_at": session.refresh_expires_at,
        }
        | changes
    )


def rotate(token: refresh.Presented, retry_key: str = "") -> refresh.Outcome:
    return refresh.rotate(token, client=CLIENT, retry_key=retry_key, user_columns=("is_staff",))


def state(session: AuthSession) -> tuple[Any, ...]:
    """What a refresh token is minted from."""
    return session.refresh_jti, session.refreshed_at, session.refresh_expires_at
