"""Run the hot SQL statements: prepared and binary on PostgreSQL, the plain way elsewhere.

Django's cursor sends text and binds the values itself, so PostgreSQL parses and plans each statement
anew. For one row by its key this costs more than the row (`bench/README.md`).
"""

import json
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
from django.db.models import AutoField
from psycopg.adapt import Transformer
from psycopg.errors import (
    DataError,
    FeatureNotSupported,
    InvalidSqlStatementName,
    OperationalError,
    error_from_result,
)
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus

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
        return _run(connection, sql, values)
    except Exception as error:
        if connection.in_atomic_block or not _is_mended(connection, error):
            raise
    if on_retry is not None:
        on_retry()
    return _run(connection, sql, values)


def insert(row: "Model") -> None:
    """Insert this new row, as `save(force_insert=True)` does, and read its key. Sends no signals."""
    connection = connections[DEFAULT_DB_ALIAS]
    if _is_plain(connection):
        row.save(force_insert=True)
        return
    sql, fields, key = _insert_of(type(row))
    ((found,),) = _run(connection, sql, [getattr(row, field.attname) for field in fields])
    setattr(row, key.attname, found)
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS  # noqa: SLF001 - Django's documented API


def columns_of(model: "type[Model]", *names: str) -> "list[Field[Any, Any]]":
    """Return the fields of these columns, for `rows`."""
    return [cast("Field[Any, Any]", model._meta.get_field(name)) for name in names]  # noqa: SLF001 - Django's documented API


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


def _is_plain(connection: BaseDatabaseWrapper) -> bool:
    """Return True if Django's cursor must run the statements: tools that log or count them see only that."""
    is_watched = connection.queries_logged or connection.execute_wrappers
    return bool(connection.vendor != "postgresql" or is_watched)


def _run(connection: BaseDatabaseWrapper, sql: str, values: Values) -> list[list[Any]]:
    """Run the statement in libpq: a psycopg cursor takes three times as long.

    By the name of a prepared one outside a transaction. In a transaction it has no name: an error that a new
    name would mend, such as a changed column, would end the transaction.
    """
    connection.ensure_connection()
    raw = connection.connection
    with connection.wrap_database_errors:
        statement = _statement_of(raw, sql)
        bound = statement.bound(values)
        if connection.in_atomic_block:
            connection.validate_no_broken_transaction()
            _begin(raw)
        elif raw.prepare_threshold is not None:  # None: a pooler that keeps no prepared statements
            name = statement.name or statement.prepare(raw)
            return statement.rows(raw, raw.pgconn.exec_prepared(name, bound, None, Format.BINARY))
        result = raw.pgconn.exec_params(statement.text, bound, None, None, Format.BINARY)
        return statement.rows(raw, result, is_new=True)


def _begin(raw: "Connection[Any]") -> None:
    """Send the BEGIN. psycopg sends it with a cursor's first statement, and sees that it was sent."""
    if raw.autocommit or raw.pgconn.transaction_status != TransactionStatus.IDLE:
        return
    level = raw.isolation_level
    words = f" ISOLATION LEVEL {level.name.replace('_', ' ')}" if level else ""
    begun = raw.pgconn.exec_(f"BEGIN{words}".encode())
    if begun.status != ExecStatus.COMMAND_OK:
        raise _error(raw, begun)


def _is_mended(connection: BaseDatabaseWrapper, error: Exception) -> bool:
    """Make ready for another try. Returns False if that would fail, too: nobody answers, for example."""
    if replace_lost():
        return True
    raw = connection.connection
    if raw is None:
        return False
    # The pool may give the same connection again, so it stays and only its statements are new.
    return isinstance(error.__cause__, OUTDATED) and _statements.pop(raw, None) is not None


def _error(raw: "Connection[Any]", result: "PGresult") -> Exception:
    """Return the error of PostgreSQL. A lost connection has no code of its own."""
    error = error_from_result(result, encoding="utf-8")
    if raw.pgconn.status != ConnStatus.OK:
        return OperationalError(str(error))
    return error


class _Statement:
    """A statement on one connection. `name` is set once PostgreSQL has prepared it there."""

    def __init__(self, raw: "Connection[Any]", sql: str) -> None:
        self._names, text = _numbered(sql)
        self.text = text.encode()
        self.name = b""
        # With the adapters alone: a reference to the connection would keep it in `_statements` for ever.
        self._transformer: Any = Transformer(raw.adapters)
        self._is_known = False

    def prepare(self, raw: "Connection[Any]") -> bytes:
        # Never the name of another statement: behind a pooler, others may have theirs on this connection.
        name = f"hot_{token_hex(8)}".encode()
        made = raw.pgconn.prepare(name, self.text)
        if made.status != ExecStatus.COMMAND_OK:
            raise _error(raw, made)
        self.name = name
        return name

    def bound(self, values: Values) -> list[bytes | None]:
        """Return the values as PostgreSQL reads them: it knows the types from the statement."""
        if isinstance(values, Mapping):
            values = [values[name] for name in self._names]
        return [_bound(value) for value in values]

    def rows(
        self, raw: "Connection[Any]", result: "PGresult", *, is_new: bool = False
    ) -> list[list[Any]]:
        """Return the rows of the result. `is_new` tells that its columns may be of other types than before."""
        if result.status != ExecStatus.TUPLES_OK:
            raise _error(raw, result)
        if not result.ntuples:
            return []
        # The loaders of the columns are looked up once.
        self._transformer.set_pgresult(result, set_loaders=is_new or not self._is_known)
        self._is_known = True
        return cast("list[list[Any]]", self._transformer.load_rows(0, result.ntuples, list))


def _bound(value: Any) -> bytes | None:
    if value is None:
        return None
    text = json.dumps(value) if isinstance(value, list | dict) else str(value)
    if "\0" in text:  # libpq would cut the text off there
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return text.encode()


_statements: "WeakKeyDictionary[Connection[Any], dict[str, _Statement]]" = WeakKeyDictionary()


def _statement_of(raw: "Connection[Any]", sql: str) -> _Statement:
    known = _statements.setdefault(raw, {})
    if sql not in known:
        known[sql] = _Statement(raw, sql)
    return known[sql]


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
