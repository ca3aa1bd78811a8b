"""Read many rows without holding all of them in memory, in pages by primary key.

Django's `iterator()` does so only with a cursor of the server. PgBouncer's transaction mode has none,
and then `iterator()` holds all rows at once.
"""

from collections.abc import Iterator
from typing import TypeVar

from django.db.models import Model, QuerySet

SIZE = 1000
Row = TypeVar("Row", bound=Model)


def rows(found: QuerySet[Row], *, size: int = SIZE) -> Iterator[Row]:
    """Yield the rows in the order of their primary keys. Each page is one statement.

    A row that is inserted meanwhile is yielded only if its key is after the last page.
    """
    found = found.order_by("pk")
    page = list(found[:size])
    while page:
        yield from page
        page = list(found.filter(pk__gt=page[-1].pk)[:size]) if len(page) == size else []
