"""Find and create users."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.password_validation import validate_password
from django.db.models import QuerySet
from django.utils.functional import cached_property
from typing_extensions import override

from accounts import statements
from accounts.people import mailboxes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import Field

    from accounts.people.models import User


_ACTIVE = "SELECT {columns} FROM accounts_user WHERE id = %s AND is_active"
_ENTER = (
    "UPDATE accounts_user SET last_login = %(at)s"
    " WHERE id = %(user)s AND is_active AND password_version = %(version)s{more} RETURNING {columns}"
)


class UserQuerySet(QuerySet["User"]):
    @override
    def update(self, **values: Any) -> int:
        """Write these values. A new password gets a new `password_version`, unless the caller gives one."""
        if "password" in values:
            values.setdefault("password_version", uuid4())
        return super().update(**values)


class UserManager(BaseUserManager["User"]):
    """Find and create users. Normalises emails before storing and before searching."""

    @override
    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db)

    @classmethod
    @override
    def normalize_email(cls, email: str | None) -> str:
        return mailboxes.normal(email or "")

    @override
    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=self.normalize_email(username))

    def active(self, user_id: UUID) -> "User | None":
        """Return the user, or None if disabled, deleted, or a demo account outside `DEMO`.

        Nearly every request calls it, so the SQL is written here: the ORM takes longer to build the
        statement than the database takes to answer it (`bench/README.md`).
        """
        sql, fields = self._with_columns(_ACTIVE)
        row = statements.first(sql, [user_id], fields)
        if row is None:
            return None
        user = statements.instance(self.model, fields, row)
        return None if user.email in settings.REFUSED_EMAILS else user

    def enter(self, user: "User", *, at: datetime) -> bool:
        """Note a sign-in, lock the user's row and read it into `user`, all in one statement.

        Returns False if the account was disabled or deleted, or its password changed, since `user` was
        read. Call in a transaction: the lock lasts until its end.
        """
        sql, fields = self.entry()
        row = statements.first(sql, self.entry_values(user, at=at), fields)
        if row is None:
            return False
        user.take(fields, row)
        return True

    def entry(self, more: str = "") -> "tuple[str, Sequence[Field[Any, Any]]]":
        """Return the statement of `enter`, with `more` conditions, and the fields that it returns."""
        return self._with_columns(_ENTER.replace("{more}", more))

    def entry_values(self, user: "User", *, at: datetime) -> dict[str, Any]:
        return {"at": at, "user": user.pk, "version": user.password_version}

    def _with_columns(self, sql: str) -> "tuple[str, Sequence[Field[Any, Any]]]":
        fields = self.model._meta.concrete_fields  # noqa: SLF001 - Django's documented API
        if sql not in self._written:
            columns = ", ".join(str(field.column) for field in fields)
            self._written[sql] = sql.format(columns=columns)
        return self._written[sql], fields

    @cached_property
    def _written(self) -> dict[str, str]:
        """The statements that have the names of the columns, by those that lack them."""
        return {}

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an administrator. Raises `ValidationError` for a password that no other door takes.

        Django's `createsuperuser` asks no rule if it reads the password from the environment.
        """
        if password is not None:
            user = self.model(email=self.normalize_email(email), **fields)
            validate_password(password, user)
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
