"""Divide the lists of pages by cursors: each page costs the same, however far back it is.

A cursor is the time and the id of a row at the edge of a page, so rows that are added or removed shift
nothing. `after` asks for older rows, `before` for newer ones.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest
from django.utils.dateparse import parse_datetime

M = TypeVar("M", bound=Model)
MAX_LENGTH = 100


@dataclass(frozen=True)
class Cut(Generic[M]):
    """One page of rows, the newest first. `newer` and `older` are the cursors of its neighbours, or ''."""

    rows: list[M]
    newer: str
    older: str

    @property
    def is_first(self) -> bool:
        return not self.newer


def cut(request: HttpRequest, rows: QuerySet[M], *, by: str, size: int) -> Cut[M]:
    """Return the page of these rows that the request asks for, by one statement.

    `by` is the column with the time. Raises `Http404` for a made-up cursor.
    """
    after, before = (_read(request.GET.get(name, ""), rows) for name in ("after", "before"))
    if after is None and before is not None:
        found = list(rows.filter(_beyond(by, "gt", before)).order_by(by, "pk")[: size + 1])
        has_newer, has_older = len(found) > size, True
        page = found[:size][::-1]
    else:
        if after is not None:
            rows = rows.filter(_beyond(by, "lt", after))
        found = list(rows.order_by(f"-{by}", "-pk")[: size + 1])
        has_newer, has_older = after is not None, len(found) > size
        page = found[:size]
    return Cut(
        page,
        newer=_written(page[0], by) if page and has_newer else "",
        older=_written(page[-1], by) if page and has_older else "",
    )


def _beyond(by: str, side: str, edge: tuple[datetime, object]) -> Q:
    moment, pk = edge
    return Q(**{f"{by}__{side}": moment}) | Q(**{by: moment, f"pk__{side}": pk})


def _written(row: Model, by: str) -> str:
    moment: datetime = getattr(row, by)
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}~{row.pk}"


def _read(text: str, rows: QuerySet[M]) -> tuple[datetime, object] | None:
    if not text:
        return None
    try:
        when, _, pk = text[:MAX_LENGTH].partition("~")
        moment = parse_datetime(when)
        if moment is None or moment.tzinfo is None:
            raise Http404
        return moment.astimezone(UTC), rows.model._meta.pk.to_python(pk)  # noqa: SLF001 - documented
    except (ValueError, OverflowError, ValidationError) as exc:
        raise Http404 from exc
