"""Run a statement in libpq, PostgreSQL's C library: prepared, with binary results, without a cursor.

Only `accounts.statements` calls this, except for `replace_lost`. Keeps the statements that each
connection has prepared.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from secrets import token_hex
from threading import Lock
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
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
    from psycopg import Connection
    from psycopg.pq.abc import PGresult

Values = Sequence[Any] | Mapping[str, Any]

OUTDATED = (
    FeatureNotSupported,  # a migration has changed the type of a column since the plan was made
    InvalidSqlStatementName,  # psycopg sends `DEALLOCATE ALL` after a rollback
)
_checks = Lock()


def run(connection: BaseDatabaseWrapper, sql: str, values: Values) -> list[list[Any]]:
    """Run the statement and return its rows. A psycopg cursor takes three times as long.

    Outside a transaction the statement is prepared once for each connection, and runs by its name. In a
    transaction it runs without a name, because an error of the prepared one, such as a changed column,
    would end the transaction.
    """
    connection.ensure_connection()
    raw = connection.connection
    with connection.wrap_database_errors:
        statement = _statement_of(raw, sql)
        bound = statement.bound(values)
        if connection.in_atomic_block:
            connection.validate_no_broken_transaction()
            _begin(raw)
        elif raw.prepare_threshold is not None:  # None behind a pooler without prepared statements
            name = statement.name or statement.prepare(raw)
            return statement.rows(raw, raw.pgconn.exec_prepared(name, bound, None, Format.BINARY))
        result = raw.pgconn.exec_params(statement.text, bound, None, None, Format.BINARY)
        return statement.rows(raw, result, is_new=True)


def is_mended(connection: BaseDatabaseWrapper, error: Exception) -> bool:
    """Prepare a second run after this error. Returns False if a second run would fail, too."""
    if replace_lost():
        return True
    raw = connection.connection
    if raw is None:
        return False
    # The pool may return this connection again, so keep it and prepare its statements anew.
    return isinstance(error.__cause__, OUTDATED) and _statements.pop(raw, None) is not None


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


def _begin(raw: "Connection[Any]") -> None:
    """Send the BEGIN. psycopg sends it with a cursor's first statement, and sees that it was sent."""
    if raw.autocommit or raw.pgconn.transaction_status != TransactionStatus.IDLE:
        return
    level = raw.isolation_level
    words = f" ISOLATION LEVEL {level.name.replace('_', ' ')}" if level else ""
    begun = raw.pgconn.exec_(f"BEGIN{words}".encode())
    if begun.status != ExecStatus.COMMAND_OK:
        raise _error(raw, begun)


def _error(raw: "Connection[Any]", result: "PGresult") -> Exception:
    """Return the error of PostgreSQL; `OperationalError` if the connection was lost, which has no SQLSTATE."""
    error = error_from_result(result, encoding="utf-8")
    if raw.pgconn.status != ConnStatus.OK:
        return OperationalError(str(error))
    return error


class _Adapters:
    """The adapters of a connection, without the connection.

    A `Transformer` keeps its context for ever. If that were the connection, `_statements` would keep each
    connection that was ever opened. Times are in UTC, as Django's own are.
    """

    connection = None

    def __init__(self, raw: "Connection[Any]") -> None:
        self.adapters = raw.adapters


class _Statement:
    """A statement on one connection. `name` is set once PostgreSQL has prepared it there."""

    def __init__(self, raw: "Connection[Any]", sql: str) -> None:
        self._names, text = _numbered(sql)
        self.text = text.encode()
        self.name = b""
        self._transformer: Any = Transformer(_Adapters(raw))
        self._is_known = False

    def prepare(self, raw: "Connection[Any]") -> bytes:
        # A random name: behind a pooler, other clients have prepared theirs on this connection.
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
        """Return the rows of the result. With `is_new`, its columns may have other types than before."""
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
