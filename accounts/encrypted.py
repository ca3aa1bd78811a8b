"""Mark the columns that hold encrypted text, and encrypt them again under another key.

`EncryptedText` marks a column of ours; `mark_member` marks a member of a JSON column of another
package. `columns` finds both in all apps, so that a new one can't be forgotten.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.conf import settings
from django.db import models
from typing_extensions import override

from accounts import encryption
from accounts.errors import DecryptionError

BATCH = 500
"""Rows that one query reads."""
PASSES = 3
"""Attempts at rows that change meanwhile. Each change encrypts under the first key anyway."""


class EncryptedText(models.TextField[str, str]):
    """A text column whose values come from `encryption.encrypt`. To the database it is a `TextField`."""

    @override
    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs


_members: dict[tuple[str, str], str] = {}


def mark_member(model: str, column: str, member: str) -> None:
    """Declare that this member of a JSON column is encrypted. `model` is `app.Model`."""
    _members[model, column] = member


@dataclass(frozen=True)
class Column:
    """One encrypted column, or one member of a JSON column."""

    model: type[models.Model]
    name: str
    member: str = ""

    @override
    def __str__(self) -> str:
        path = f"{self.model._meta.db_table}.{self.name}"  # noqa: SLF001 - Django's public API
        return f"{path}.{self.member}" if self.member else path

    def rows(self) -> "models.QuerySet[models.Model]":
        """Select the rows that have a value, ordered by their key."""
        rows = self.model._base_manager.order_by("pk")  # noqa: SLF001 - Django's public API
        if self.member:
            return rows.filter(**{f"{self.name}__has_key": self.member})
        return rows.exclude(**{self.name: ""})

    def text_of(self, value: Any) -> str:
        return str(value[self.member] if self.member else value)

    def replaced(self, value: Any, text: str) -> Any:
        return {**value, self.member: text} if self.member else text


@dataclass
class Tally:
    """What happened to the rows of a column."""

    seen: int = 0
    again: int = 0
    """Encrypted again, or, in a dry run, to be encrypted again."""
    changed: int = 0
    """Written by another process meanwhile. A further pass looks at them."""
    closed: int = 0
    """No key opens them."""


def columns() -> list[Column]:
    """Return all encrypted columns of all apps."""
    found = [
        Column(model, field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields  # noqa: SLF001 - Django's public API
        if isinstance(field, EncryptedText)
    ]
    found += [
        Column(apps.get_model(model), name, member) for (model, name), member in _members.items()
    ]
    return sorted(found, key=str)


def encrypt_again(column: Column, *, dry_run: bool = False) -> Iterator[Tally]:
    """Encrypt the values of this column under the first key. Yields the tally after each batch.

    A value under the first key already is left alone, so a run that was stopped goes on where it was.
    Each row is one conditional UPDATE, so it never undoes a write of another process.
    """
    first = Fernet(settings.DATA_ENCRYPTION_KEYS[0])
    tally = Tally()
    last: Any = None
    while True:
        rows = column.rows() if last is None else column.rows().filter(pk__gt=last)
        batch = list(rows.values_list("pk", column.name)[:BATCH])
        if not batch:
            return
        for pk, value in batch:
            tally.seen += 1
            _again(column, pk, value, first=first, tally=tally, dry_run=dry_run)
        last = batch[-1][0]
        yield tally


def _again(  # noqa: PLR0913 - the facts of one row
    column: Column, pk: Any, value: Any, *, first: Fernet, tally: Tally, dry_run: bool
) -> None:
    text = column.text_of(value)
    if _opens(first, text):
        return
    try:
        plain = encryption.decrypt(text)
    except DecryptionError:
        tally.closed += 1
        return
    if dry_run:
        tally.again += 1
        return
    same = column.model._base_manager.filter(pk=pk, **{column.name: value})  # noqa: SLF001 - as above
    if same.update(**{column.name: column.replaced(value, encryption.encrypt(plain))}):
        tally.again += 1
    else:
        tally.changed += 1


def _opens(fernet: Fernet, text: str) -> bool:
    try:
        fernet.decrypt(text.encode())
    except InvalidToken:
        return False
    return True
