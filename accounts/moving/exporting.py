"""Write all accounts as JSON lines that `import_users --from munjigi` reads. `layout` lists what they have."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db.models import Model, QuerySet

from accounts import encryption
from accounts.audit.vocabulary import FactorKind
from accounts.moving.layout import EXPORTED, VERSION
from accounts.moving.models import ExternalId
from accounts.people.models import User

if TYPE_CHECKING:
    from uuid import UUID

PAGE = 1000
UNUSABLE = "!"
"""The first sign of a password column that has no hash."""


@dataclass(frozen=True)
class Choice:
    """What the file has besides accounts, addresses, connections and passkeys."""

    has_hashes: bool = False
    """Hashes of passwords and recovery codes. Who has the file can guess passwords."""
    has_secrets: bool = False
    """Secrets of authenticator apps, in plain text: the other site has other keys."""


def lines(choice: Choice) -> Iterator[str]:
    """Yield one line for each account, by date and id. Raises `DecryptionError` if a secret has no key."""
    users = User.objects.order_by("pk").prefetch_related("groups")
    last: UUID | None = None
    while True:
        page = list(islice((users.filter(pk__gt=last) if last else users)[:PAGE], PAGE))
        if not page:
            return
        last = page[-1].pk
        parts = _Parts(page)
        for user in page:
            entry = _entry(user, parts, choice)
            yield json.dumps(entry, default=_written, ensure_ascii=False)


def _entry(user: User, parts: "_Parts", choice: Choice) -> dict[str, Any]:
    content = _values(user, without={"groups", "password"})
    if choice.has_hashes and not user.password.startswith(UNUSABLE):
        content["password"] = user.password
    return {
        "munjigi": VERSION,
        "user": content,
        "groups": sorted(group.name for group in user.groups.all()),
        "addresses": parts.of(EmailAddress, user),
        "connections": parts.of(SocialAccount, user),
        "factors": [
            factor
            for each in parts.of(Authenticator, user)
            if (factor := _factor(each, choice)) is not None
        ],
        "external_ids": parts.of(ExternalId, user),
    }


def _factor(values: dict[str, Any], choice: Choice) -> dict[str, Any] | None:
    """Return a second factor as the file has it, or None if the operator didn't ask for it."""
    if values["type"] == FactorKind.TOTP:
        if not choice.has_secrets:
            return None
        secret = encryption.decrypt(values["data"]["secret"])
        return values | {"data": values["data"] | {"secret": secret}}
    if values["type"] == FactorKind.RECOVERY_CODES and not choice.has_hashes:
        return None
    return values


def _written(value: Any) -> str:
    """Return an id or a time as text. Django's own encoder drops the microseconds."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


class _Parts:
    """The rows of other tables of one page of users, in one query for each table."""

    def __init__(self, users: Iterable[User]) -> None:
        keys = [user.pk for user in users]
        self._rows: dict[type[Model], dict[UUID, list[dict[str, Any]]]] = {}
        for model in (EmailAddress, SocialAccount, Authenticator, ExternalId):
            found: QuerySet[Any] = model._default_manager.filter(user__in=keys).order_by("pk")  # noqa: SLF001
            of_users = self._rows.setdefault(model, {})
            for row in found:
                of_users.setdefault(row.user_id, []).append(_values(row, without={"user"}))

    def of(self, model: type[Model], user: User) -> list[dict[str, Any]]:
        return self._rows[model].get(user.pk, [])


def _values(row: Model, *, without: set[str]) -> dict[str, Any]:
    names = EXPORTED[row._meta.label]  # noqa: SLF001
    return {name: getattr(row, name) for name in names if name not in without}
