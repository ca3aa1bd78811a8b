"""Open a sign-in in one statement of PostgreSQL: the user's entry, the row and its event.

It takes a fifth of the CPU of the transaction with the same rows (`bench/README.md`).
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import connection

from accounts import statements
from accounts.audit import insertion, trail
from accounts.audit.models import AuditEvent
from accounts.client_info import ClientInfo
from accounts.people.models import User
from accounts.signins.models import AuthSession

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import Field

_TYPE = AuditEvent.Type.LOGIN_SUCCEEDED
_COLUMNS = AuthSession._meta.concrete_fields  # noqa: SLF001 - Django's documented API
_NAMES = [field.attname for field in _COLUMNS]
_OPEN = """
WITH entered AS ({enter}), opened AS (
  INSERT INTO accounts_authsession ({names}) SELECT {values} FROM entered
  ON CONFLICT (id) DO NOTHING RETURNING user_id
), recorded AS ({record})
SELECT EXISTS (SELECT 1 FROM opened), entered.* FROM entered
"""
_OWNER = "(SELECT user_id, email FROM opened, entered) AS owner"


def at_once(session: AuthSession, *, user: User, client: ClientInfo) -> bool:
    """Insert this new row, and do what `sessions.open` does beside it, in one statement.

    Returns False and changes nothing if this is no PostgreSQL, or if the sign-in is refused or needs a
    transaction: a subscriber of the audit log wants the event, or the account was to be deleted.
    """
    if connection.vendor != "postgresql":
        return False
    event = trail.made(
        _TYPE, user=user, sid=session.pk, client=client, reason="", actor=None, amr=session.amr
    )
    sql, fields = _statement(trail.wanted(_TYPE))
    values = User.objects.entry_values(user, at=session.created_at) | insertion.values(event)
    values |= {name: insertion.written(*each) for name, each in _of(session).items()}
    lost: list[bool] = []
    row = statements.first(sql, values, fields, on_retry=lambda: lost.append(True))
    # If the connection got lost, the first attempt may have opened it. Then the second one opens nothing.
    if row is None or not (row[0] or lost):
        return False
    user.take(fields[1:], row[1:])
    event.identifier = user.email
    trail.tell_listeners([event])
    return True


def _of(session: AuthSession) -> "dict[str, tuple[Field[Any, Any], Any]]":
    return {
        f"session_{field.attname}": (field, getattr(session, field.attname)) for field in _COLUMNS
    }


@lru_cache(maxsize=8)
def _statement(wanted: str) -> "tuple[str, Sequence[Field[Any, Any]]]":
    enter, fields = User.objects.entry(f" AND erase_at IS NULL AND NOT ({wanted})")
    sql = _OPEN.format(
        enter=enter,
        names=", ".join(_NAMES),
        values=", ".join(f"%(session_{name})s" for name in _NAMES),
        record=insertion.insert(_OWNER),
    )
    return sql, [*statements.columns_of(User, "is_active"), *fields]
