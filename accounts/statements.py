"""Run the hot SQL statements: prepared and binary on PostgreSQL, the plain way elsewhere.

Django's cursor sends text and binds the values itself, so PostgreSQL parses and plans each statement
anew. For one row by its key this costs more than the row (`bench/README.md`).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from secrets import token_hex
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import Cursor
from psycopg.adapt import Transformer
from psycopg.errors import (
    FeatureNotSupported,
    InvalidSqlStatementName,
    OperationalError,
    error_from_result,
)
from psycopg.pq import ConnStatus, ExecStatus, Format

if TYPE_CHECKING:
    from django.db.models import Field, Model
    from psycopg import Connection
    from psycopg.pq.abc import PGresult

_checks = Lock()
Row = TypeVar("Row", bound="Model")
OUTDATED = (
    FeatureNotSupported,  # the plan: a migration has changed the type of a column
    InvalidSqlStatementName,  # `DEALLOCATE ALL`, which psycopg sends after a rollback
)
Values = Sequence[Any] | Mapping[str, Any]


def first(
    sql: str,
    values: Values,
    fields: "Sequence[Field[Any, Any]]",
    *,
    on_retry: Callable[[], object] | None = None,
) -> list[Any] | None:
    """Return the first row of this statement, as the models have its values; None without a row.

    `values` are Python's own: texts, numbers, `UUID`, `datetime`. `fields` are those of the columns, in
    their order.

    Outside a transaction, a statement that fails because the connection is lost runs once more, on a
    new one. So a statement that writes must do no harm if it runs twice. It also runs once more if
    PostgreSQL no longer has it, or a migration has changed a column. `on_retry` is called before the
    second run: the first one may have succeeded. Raises `DatabaseError`.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    # Tools that log or count statements see only Django's cursor. And only its first use in a transaction
    # sends the BEGIN.
    is_watched = connection.queries_logged or connection.execute_wrappers
    if connection.vendor != "postgresql" or is_watched or connection.in_atomic_block:
        return _plain(connection, sql, values, fields)
    try:
        return _prepared(connection, sql, values)
    except Exception as error:
        if not _is_mended(connection, error):
            raise
    if on_retry is not None:
        on_retry()
    return _prepared(connection, sql, values)


def replace_lost() -> bool:
    """Give up this thread's connection if PostgreSQL has closed it, and the pool's others that it closed, too.

    Without this, each connection of the pool would fail once after a restart. Returns False if the
    connection is not closed. One thread at a time looks through the pool.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.connection is None or not getattr(connection.connection, "closed", False):
        return False
    connection.close()
    pool = getattr(connection, "pool", None)
    if pool is not None and _checks.acquire(blocking=False):
        try:
            pool.check()
        finally:
            _checks.release()
    return True


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


def _prepared(connection: BaseDatabaseWrapper, sql: str, values: Values) -> list[Any] | None:
    """Run the statement by its name in libpq: a psycopg cursor takes three times as long."""
    connection.ensure_connection()
    raw = connection.connection
    with connection.wrap_database_errors:
        if raw.prepare_threshold is None:  # a pooler that keeps no prepared statements
            return _unprepared(raw, sql, values)
        statement = _statement_of(raw, sql)
        result = raw.pgconn.exec_prepared(
            statement.name, statement.bound(values), None, Format.BINARY
        )
        if result.status != ExecStatus.TUPLES_OK:
            raise _error(raw, result)
        return statement.row(result)


def _is_mended(connection: BaseDatabaseWrapper, error: Exception) -> bool:
    """Make ready for another try. Returns False if that would fail, too: nobody answers, for example."""
    if replace_lost():
        return True
    raw = connection.connection
    if raw is None:
        return False
    # The pool may give the same connection again, so it stays and only its statements are new.
    return isinstance(error.__cause__, OUTDATED) and _statements.pop(raw, None) is not None


def _unprepared(raw: "Connection[Any]", sql: str, values: Values) -> list[Any] | None:
    with Cursor(raw) as cursor:
        row = cursor.execute(sql, values, binary=True).fetchone()
    return None if row is None else list(row)


def _error(raw: "Connection[Any]", result: "PGresult") -> Exception:
    """Return the error of PostgreSQL. A lost connection has no code of its own."""
    error = error_from_result(result, encoding="utf-8")
    if raw.pgconn.status != ConnStatus.OK:
        return OperationalError(str(error))
    return error


class _Statement:
    """A statement that PostgreSQL has prepared on one connection."""

    def __init__(self, raw: "Connection[Any]", sql: str, name: bytes) -> None:

        self.name = name
        self._names, text = _numbered(sql)
        self._transformer: Any = Transformer(raw)
        self._is_known = False
        made = raw.pgconn.prepare(name, text.encode())
        if made.status != ExecStatus.COMMAND_OK:
            raise _error(raw, made)

    def bound(self, values: Values) -> list[bytes | None]:
        """Return the values as PostgreSQL reads them: it knows the types from the statement."""
        if isinstance(values, Mapping):
            values = [values[name] for name in self._names]
        return [None if value is None else str(value).encode() for value in values]

    def row(self, result: "PGresult") -> list[Any] | None:
        if not result.ntuples:
            return None
        # The loaders of the columns are looked up once.
        self._transformer.set_pgresult(result, set_loaders=not self._is_known)
        self._is_known = True
        return cast("list[Any]", self._transformer.load_row(0, list))


_statements: "WeakKeyDictionary[Connection[Any], dict[str, _Statement]]" = WeakKeyDictionary()


def _statement_of(raw: "Connection[Any]", sql: str) -> _Statement:
    known = _statements.setdefault(raw, {})
    if sql not in known:
        # Never the name of another statement: behind a pooler, others may have theirs on this connection.
        known[sql] = _Statement(raw, sql, f"hot_{token_hex(8)}".encode())
    return known[sql]


@cache
def _numbered(sql: str) -> tuple[list[str], str]:
    """Return the names of the values in their order, and the statement with `$1` in place of the first.

    Of a statement with `%s`, the names are empty.
    """
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        name = found[1] or f"{len(names)}"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    text = re.sub(r"%(?:\((\w+)\))?s", number, sql)
    return names, text


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
    column = field.get_col(field.model._meta.db_table)  # noqa: SLF001 - of a foreign key: that of its target
    for convert in connection.ops.get_db_converters(column) + column.get_db_converters(connection):
        value = convert(value, column, connection)
    return value
