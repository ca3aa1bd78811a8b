"""Append to the audit log: who did what, from where."""

from uuid import UUID

from accounts.client_info import ClientInfo
from accounts.models import AuditEvent, User


def record(  # noqa: PLR0913 - the columns of one row
    type: AuditEvent.Type,  # noqa: A002 - the column's name
    *,
    user: User | None = None,
    identifier: str = "",
    sid: UUID | None = None,
    client: ClientInfo | None = None,
    reason: str = "",
    actor: User | None = None,
) -> AuditEvent:
    """One row. `identifier` defaults to the user's e-mail and outlives the user."""
    client = client or ClientInfo()
    identifier = identifier or (user.email if user else "")
    return AuditEvent.objects.create(
        type=type,
        user=user,
        identifier=identifier.replace("\x00", "")[:254],
        sid=sid,
        ip=client.ip,
        user_agent=client.user_agent,
        reason=reason,
        actor=actor if actor != user else None,
    )
