"""Make the database fail at one kind of write, as a full disk or a lost connection would."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

MESSAGE = "a trigger of the tests"


@contextmanager
def failing(verb: str, table: str, *, when: str = "1 = 1") -> Iterator[None]:
    """Every INSERT, UPDATE or DELETE (`verb`) of a row of `table` is an error of the database."""
    with connection.cursor() as cursor:
        for statement in _begin(verb, table, when):
            cursor.execute(statement)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for statement in _end(table):
                cursor.execute(statement)


def _begin(verb: str, table: str, when: str) -> list[str]:
    trigger = f"CREATE TRIGGER failing BEFORE {verb} ON {table} FOR EACH ROW WHEN ({when})"
    if connection.vendor == "sqlite":
        return [f"{trigger} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"]
    function = f"$$ BEGIN RAISE EXCEPTION '{MESSAGE}'; END $$"
    return [
        f"CREATE FUNCTION failing() RETURNS trigger LANGUAGE plpgsql AS {function}",
        f"{trigger} EXECUTE FUNCTION failing()",
    ]


def _end(table: str) -> list[str]:
    if connection.vendor == "sqlite":
        return ["DROP TRIGGER failing"]
    return [f"DROP TRIGGER failing ON {table}", "DROP FUNCTION failing()"]
