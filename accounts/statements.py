"""Run the hot SQL statements: prepared and binary on PostgreSQL, the plain way elsewhere.

Django's cursor sends text and binds the values itself, so PostgreSQL parses and plans each statement
anew. For one row by its key this costs more than the row (`bench/README.md`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    from django.db.models import Field

Values = Sequence[Any] | Mapping[str, Any]


def first(sql: str, values: Values, fields: "Sequence[Field[Any, Any]]") -> list[Any] | None:
    """Return the first row of this statement, as the models have its values; None without a row.

    `fields` are those of the columns, in their order. `values` are Python's own: `UUID`, `datetime`.

    Outside a transaction, a statement that fails because the connection is lost runs once more, on a
    new one. So a statement that writes must do no harm if it runs twice. Raises `DatabaseError`.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    # Whoever logs or counts statements listens to Django's cursor.
    if (
        connection.vendor != "postgresql"
        or connection.queries_logged
        or connection.execute_wrappers
    ):
        return _plain(connection, sql, values, fields)
    if connection.in_atomic_block:
        return _prepared(connection, sql, values)
    try:
        return _prepared(connection, sql, values)
    except Exception as error:
        if not _is_worth_another(connection, error):
            raise
    connection.close()
    return _prepared(connection, sql, values)


def _prepared(connection: BaseDatabaseWrapper, sql: str, values: Values) -> list[Any] | None:
    from psycopg import Cursor  # noqa: PLC0415 - not on SQLite

    connection.ensure_connection()
    with connection.wrap_database_errors, Cursor(connection.connection) as cursor:
        cursor.execute(sql, values, prepare=True, binary=True)
        row = cursor.fetchone()
    return None if row is None else list(row)


def _is_worth_another(connection: BaseDatabaseWrapper, error: Exception) -> bool:
    """Return True if the connection is lost, or a migration has changed a column since the plan."""
    from psycopg.errors import FeatureNotSupported  # noqa: PLC0415 - as above

    is_lost = connection.connection is None or connection.connection.closed
    return is_lost or isinstance(error.__cause__, FeatureNotSupported)


def _plain(
    connection: BaseDatabaseWrapper, sql: str, values: Values, fields: "Sequence[Field[Any, Any]]"
) -> list[Any] | None:
    if isinstance(values, Mapping):
        adapted: Values = {name: _adapted(connection, value) for name, value in values.items()}
    else:
        adapted = [_adapted(connection, value) for value in values]
    with connection.cursor() as cursor:
        cursor.execute(sql, adapted)
        row = cursor.fetchone()
    if row is None:
        return None
    return [_converted(connection, *pair) for pair in zip(fields, row, strict=True)]


def _adapted(connection: BaseDatabaseWrapper, value: Any) -> Any:
    """Return the value as the database takes it: SQLite has no UUIDs and no times."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
        return value.hex
    return value


def _converted(connection: BaseDatabaseWrapper, field: "Field[Any, Any]", value: Any) -> Any:
    column = field.cached_col
    for convert in connection.ops.get_db_converters(column) + column.get_db_converters(connection):
        value = convert(value, column, connection)
    return value
