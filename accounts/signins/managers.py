"""Select many sign-ins, and end one by one statement."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection, models
from django.utils import timezone

from accounts import statements
from accounts.people.models import User

if TYPE_CHECKING:
    from accounts.signins.models import AuthSession  # noqa: F401 - named in the base class

_SIGN_OUT = """
UPDATE accounts_authsession SET revoked_at = {now}, revoked_reason = %(reason)s
WHERE id = %(sid)s AND revoked_at IS NULL AND kind <> 'service' {more}
RETURNING user_id, (SELECT email FROM accounts_user WHERE accounts_user.id = user_id)
"""
_ACTIVE_OF = "AND user_id = %(user)s AND expires_at > %(now)s"
_NOW = {
    "postgresql": "STATEMENT_TIMESTAMP()",
    "sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')",
}
"""The database's clock, as Django's `Now` has it."""


class AuthSessionQuerySet(models.QuerySet["AuthSession"]):
    def active(self) -> "AuthSessionQuerySet":
        return self.filter(revoked_at=None, expires_at__gt=timezone.now())

    def for_user(self, user_id: UUID) -> "AuthSessionQuerySet":
        return self.filter(user_id=user_id)

    def sign_out(self, sid: UUID, *, reason: str, user: User | None = None) -> User | None:
        """End this sign-in of a person, and return its user with `id` and `email`, or None.

        With `user`, ends it only if it is active and of that user. Call in a transaction that records it.
        """
        values: dict[str, Any] = {"sid": sid, "reason": reason}
        if user is not None:
            values |= {"user": user.pk, "now": timezone.now()}
        sql = _SIGN_OUT.format(now=_NOW[connection.vendor], more=_ACTIVE_OF if user else "")
        key, email = User._meta.pk, User._meta.get_field("email")  # noqa: SLF001 - Django's documented API
        row = statements.first(sql, values, [key, email])
        return statements.instance(User, [key, email], row) if row else None
