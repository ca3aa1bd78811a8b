"""Find the user of a session, and the users of a typed email."""

from functools import cache
from typing import Any, cast
from uuid import UUID

from allauth.account.auth_backends import AuthenticationBackend as AllauthBackend
from allauth.account.models import EmailAddress
from allauth.core import context
from django.db.models import Field
from typing_extensions import override

from accounts import statements
from accounts.people.models import User
from accounts.request import sign_in_of

_CANDIDATES = """
SELECT {columns} FROM accounts_user u
LEFT JOIN account_emailaddress a ON a.user_id = u.id
WHERE u.id IN (
  SELECT user_id FROM account_emailaddress WHERE email = %(email)s
  UNION SELECT id FROM accounts_user WHERE email = %(email)s
)
"""


class AuthenticationBackend(AllauthBackend):
    """allauth's backend, but it loads users in one statement each time."""

    @override
    def get_user(self, user_id: Any) -> User | None:
        if not isinstance(user_id, UUID):
            return None
        known = sign_in_of(context.request).bearer if context.request else None
        return known if known and known.pk == user_id else User.objects.active(user_id)

    @override
    def _authenticate_by_email(self, email: str, password: str) -> User | None:
        users = candidates(email)
        return next((user for user in users if self._check_password(user, password)), None)


def candidates(email: str) -> list[User]:
    """Return the account that has proved this address; without one, all that have typed it or were given it.

    As allauth's `filter_users_by_email`, but in one statement for each email, so that the time does not show
    whether there is an account. allauth finds the addresses of these users in its cache.
    """
    email = email.lower()
    sql, fields = _with_columns()
    width = len(User._meta.concrete_fields)  # noqa: SLF001 - Django's documented API
    found: dict[UUID, tuple[User, list[EmailAddress]]] = {}
    for row in statements.rows(sql, {"email": email}, fields):
        user = statements.instance(User, fields[:width], row[:width])
        user, addresses = found.setdefault(user.pk, (user, []))
        if row[width] is not None:
            address = statements.instance(EmailAddress, fields[width:], row[width:])
            address.user = user
            addresses.append(address)
    owners, others = [], []
    for user, addresses in found.values():
        EmailAddress.objects.fill_cache_for_user(user, addresses)
        # The database may take other letters for equal.
        mine = [address for address in addresses if address.email.lower() == email]
        if any(address.verified for address in mine):
            owners.append(user)
        elif mine or user.email.lower() == email:
            others.append(user)
    return owners or others


@cache
def _with_columns() -> tuple[str, list[Field[Any, Any]]]:
    users, addresses = User._meta.concrete_fields, EmailAddress._meta.concrete_fields  # noqa: SLF001 - Django's documented API
    columns = [f"u.{field.column}" for field in users]
    columns += [f'a."{field.column}"' for field in addresses]
    fields = cast("list[Field[Any, Any]]", [*users, *addresses])
    return _CANDIDATES.format(columns=", ".join(columns)), fields
