"""Run the hot SQL statements: prepared and binary on PostgreSQL, the plain way elsewhere.

Django's cursor sends text and binds the values itself, so PostgreSQL parses and plans each statement
anew. For one row by its key this costs more than the row (`bench/README.md`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField

from accounts import libpq
from accounts.libpq import Values

if TYPE_CHECKING:
    from django.db.models import Field, Model

Row = TypeVar("Row", bound="Model")


def first(
    sql: str,
    values: Values,
    fields: "Sequence[Field[Any, Any]]",
    *,
    on_retry: Callable[[], object] | None = None,
) -> list[Any] | None:
    """Return the first row of this statement, or None. Otherwise as `rows`."""
    found = rows(sql, values, fields, on_retry=on_retry)
    return found[0] if found else None


def rows(
    sql: str,
    values: Values,
    fields: "Sequence[Field[Any, Any]]",
    *,
    on_retry: Callable[[], object] | None = None,
) -> list[list[Any]]:
    """Return the rows of this statement, as the models have their values.

    `values` are Python's own: texts, numbers, `UUID`, `datetime`, and lists and dicts for columns of JSON.
    `fields` are those of the columns, in their order.

    Outside a transaction, a statement that fails because the connection is lost runs once more, on a
    new one. So a statement that writes must do no harm if it runs twice. It also runs once more if
    PostgreSQL no longer has it, or a migration has changed a column. `on_retry` is called before the
    second run: the first one may have succeeded. In a transaction nothing runs twice. Raises
    `DatabaseError`.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if _is_plain(connection):
        return _plain(connection, sql, values, fields)
    try:
        return libpq.run(connection, sql, values)
    except Exception as error:
        if connection.in_atomic_block or not libpq.is_mended(connection, error):
            raise
    if on_retry is not None:
        on_retry()
    return libpq.run(connection, sql, values)


def insert(row: "Model") -> None:
    """Insert this new row, as `save(force_insert=True)` does, and read its key. Sends no signals."""
    connection = connections[DEFAULT_DB_ALIAS]
    if _is_plain(connection):
        row.save(force_insert=True)
        return
    sql, fields, key = _insert_of(type(row))
    ((found,),) = libpq.run(connection, sql, [getattr(row, field.attname) for field in fields])
    setattr(row, key.attname, found)
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS  # noqa: SLF001 - Django's documented API


def columns_of(model: "type[Model]", *names: str) -> "list[Field[Any, Any]]":
    """Return the fields of these columns, for `rows`."""
    return [cast("Field[Any, Any]", model._meta.get_field(name)) for name in names]  # noqa: SLF001 - Django's documented API


def instance(
    model: "type[Row]", fields: "Sequence[Field[Any, Any]]", values: Sequence[Any]
) -> "Row":
    """Return an instance with these columns; the others are read when they are asked for.

    Django's `from_db` reads the values in the order of the model, whatever the order of the names. So sort
    both first: otherwise one column would get the value of another.
    """
    columns = model._meta.concrete_fields  # noqa: SLF001 - Django's documented API
    if fields is columns:
        return model.from_db(DEFAULT_DB_ALIAS, [field.attname for field in fields], values)
    given = dict(zip((field.attname for field in fields), values, strict=True))
    names = [field.attname for field in columns if field.attname in given]
    return model.from_db(DEFAULT_DB_ALIAS, names, [given[name] for name in names])


def _is_plain(connection: BaseDatabaseWrapper) -> bool:
    """Return True if Django's cursor must run the statements: tools that log or count them see only that."""
    is_watched = connection.queries_logged or connection.execute_wrappers
    return bool(connection.vendor != "postgresql" or is_watched)


@cache
def _insert_of(
    model: "type[Model]",
) -> "tuple[str, list[Field[Any, Any]], Field[Any, Any]]":
    """Return the statement that inserts a row of this model, the fields of its values, and its key."""
    meta = model._meta  # noqa: SLF001 - Django's documented API
    fields = [field for field in meta.concrete_fields if not isinstance(field, AutoField)]
    names = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join(["%s"] * len(fields))
    return (
        f'INSERT INTO "{meta.db_table}" ({names}) VALUES ({places}) RETURNING "{meta.pk.column}"',  # noqa: S608 - names of models
        fields,
        meta.pk,
    )


def _plain(
    connection: BaseDatabaseWrapper, sql: str, values: Values, fields: "Sequence[Field[Any, Any]]"
) -> list[list[Any]]:
    if isinstance(values, Mapping):
        adapted: Values = {name: _adapted(connection, value) for name, value in values.items()}
    else:
        adapted = [_adapted(connection, value) for value in values]
    with connection.cursor() as cursor:
        cursor.execute(sql, adapted)
        found = cursor.fetchall()
    return [
        [_converted(connection, *pair) for pair in zip(fields, row, strict=True)] for row in found
    ]


def _adapted(connection: BaseDatabaseWrapper, value: Any) -> Any:
    """Return the value as the database takes it: SQLite has no UUIDs, no times and no JSON."""
    if isinstance(value, list | dict):
        return json.dumps(value)
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value


def _converted(connection: BaseDatabaseWrapper, field: "Field[Any, Any]", value: Any) -> Any:
    column = field.get_col(field.model._meta.db_table)  # noqa: SLF001 - of a foreign key: that of its target
    for convert in connection.ops.get_db_converters(column) + column.get_db_converters(connection):
        value = convert(value, column, connection)
    return value
