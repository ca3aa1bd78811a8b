"""End a sign-in by its own act, and record that: both are durable, or neither is.

On PostgreSQL this is one statement, and a transaction only if a webhook wants the event. SQLite has no
such statement, so there it is always a transaction. The rows are the same.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from accounts import statements
from accounts.audit import insertion, trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import RevokeReason
from accounts.client_info import ClientInfo
from accounts.people.models import User

_END = """
UPDATE accounts_authsession SET revoked_at = {now}, revoked_reason = %(reason)s
WHERE id = %(sid)s AND revoked_at IS NULL AND kind <> 'service' {more}
RETURNING user_id, (SELECT email FROM accounts_user WHERE accounts_user.id = user_id) AS email
"""
"""Never the sign-in of an API key: everybody with a token of it could end the key."""
_ACTIVE_OF = "AND user_id = %(user)s AND expires_at > %(now)s"
_NOW = {
    "postgresql": "STATEMENT_TIMESTAMP()",
    "sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')",
}
"""The database's clock, as Django's `Now` has it."""
_END_AND_RECORD = """
WITH ended AS ({end}), recorded AS ({insert})
SELECT user_id, email FROM ended
"""
_FIELDS = [User._meta.pk, User._meta.get_field("email")]  # noqa: SLF001 - Django's documented API
_TYPE, _REASON = AuditEvent.Type.SESSION_REVOKED, RevokeReason.LOGOUT


@dataclass(frozen=True)
class Ended:
    user_id: UUID | None
    """None if the user is deleted, or unknown because the answer of the database got lost."""


def end(sid: UUID, *, client: ClientInfo, user: User | None = None) -> Ended | None:
    """End this sign-in of a person, and with `user` only if it is active and of that user.

    Returns None, without a record, if there is no such sign-in, or it had ended before. Tells no
    process: call `sessions.sign_out`.
    """
    if connection.vendor == "postgresql":
        return _by_statement(sid, client=client, user=user)
    return _in_transaction(sid, client=client, user=user)


def _by_statement(sid: UUID, *, client: ClientInfo, user: User | None) -> Ended | None:
    event = trail.made(_TYPE, user=None, sid=sid, client=client, reason=_REASON, actor=None)
    sql = _end_and_record(trail.wanted(_TYPE), is_of_user=user is not None)
    lost: list[UUID] = []
    values = _values(sid, user) | insertion.values(event)
    row = statements.first(sql, values, _FIELDS, on_retry=lambda: lost.append(sid))
    if row is not None:
        event.user_id, event.identifier = row[0], row[1] or ""
        trail.tell_listeners([event])
        return Ended(row[0])
    ended = _in_transaction(sid, client=client, user=user)
    # If the connection got lost, the first attempt may have ended it. Then other processes must hear
    # of it, and to tell them once too often does no harm.
    return Ended(None) if ended is None and lost else ended


def _in_transaction(sid: UUID, *, client: ClientInfo, user: User | None) -> Ended | None:
    with transaction.atomic():
        sql = _end(is_of_user=user is not None)
        row = statements.first(sql, _values(sid, user), _FIELDS)
        if row is None:
            return None
        owner = statements.instance(User, _FIELDS, row) if row[0] else None
        trail.record(_TYPE, user=owner, sid=sid, client=client, reason=_REASON)
    return Ended(row[0])


def _values(sid: UUID, user: User | None) -> dict[str, Any]:
    values: dict[str, Any] = {"sid": sid, "reason": _REASON.value}
    return values if user is None else values | {"user": user.pk, "now": timezone.now()}


def _end(*, is_of_user: bool, more: str = "") -> str:
    own = _ACTIVE_OF if is_of_user else ""
    return _END.format(now=_NOW[connection.vendor], more=own + more)


@lru_cache(maxsize=8)
def _end_and_record(wanted: str, *, is_of_user: bool) -> str:
    """Return the statement, which changes nothing while a subscriber of the audit log needs a transaction."""
    end_ = _end(is_of_user=is_of_user, more=f" AND NOT ({wanted})")
    return _END_AND_RECORD.format(end=end_, insert=insertion.insert("ended"))
