"""Write an event in the one statement of its act: without a transaction, and with one round trip.

For PostgreSQL, in which a statement may change one table and insert into another. The act's statement
returns the user's id and email, and changes a row only if no subscriber needs a transaction
(`trail.wanted`). If it changed one, call `trail.tell_listeners` with the event.
"""

import json
from functools import lru_cache
from typing import Any

from django.db import models

from accounts.audit.models import AuditEvent

_COLUMNS = [
    field
    for field in AuditEvent._meta.concrete_fields  # noqa: SLF001 - Django's documented API
    if not field.primary_key
]
_OF_THE_ACT = {"user_id": "user_id", "identifier": "COALESCE(email, '')"}
"""The columns whose values the act's statement finds, each with its expression."""


@lru_cache(maxsize=8)
def insert(source: str) -> str:
    """Return the statement that writes an event for each row of `source`, with `user_id` and `email`.

    Its values are those of `values`.
    """
    names = [field.attname for field in _COLUMNS]
    found = ", ".join(_OF_THE_ACT.get(name, f"%(event_{name})s") for name in names)
    return (
        f"INSERT INTO {AuditEvent._meta.db_table} ({', '.join(names)}) SELECT {found} FROM {source}"  # noqa: S608, SLF001 - names of our own
    )


def values(event: AuditEvent) -> dict[str, Any]:
    """Return the event's columns as `accounts.statements` takes them."""
    return {
        f"event_{field.attname}": written(field, getattr(event, field.attname))
        for field in _COLUMNS
        if field.attname not in _OF_THE_ACT
    }


def written(field: "models.Field[Any, Any]", value: Any) -> Any:
    """Return the value of this column as `accounts.statements` takes it."""
    if isinstance(field, models.JSONField):
        return json.dumps(value)
    return str(value) if isinstance(value, str) else value
