"""Show a long list of the admin page by page, as fast with millions of rows as with ten.

Django's own lists count all rows and skip those of earlier pages. Here a page begins after the last
row of the page before (the cursor), so an index finds it at once, and nothing is counted.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import ShowFacets
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from typing_extensions import override

from accounts import replica
from accounts.support import search

OLDER, NEWER = "o", "n"
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - `datetime.UTC` has another type
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Cursor:
    """A row at the border of two pages, and the side of it that is wanted."""

    way: str
    time: datetime
    pk: Any

    @classmethod
    def read(cls, text: str, model: type[Model]) -> "Cursor | None":
        """Return the cursor, or None for a text that isn't one: the list then begins at the top."""
        way, _, rest = text.partition(".")
        time, _, pk = rest.partition(".")
        if way not in {OLDER, NEWER}:
            return None
        try:
            key = model._meta.pk.clean(pk, None)  # noqa: SLF001 - as Django does
            return cls(way, _EPOCH + int(time) * _MICROSECOND, key)
        except (ValueError, OverflowError, ValidationError):
            return None

    @classmethod
    def at(cls, row: Model, way: str, field: str) -> "Cursor":
        return cls(way, getattr(row, field), row.pk)

    @override
    def __str__(self) -> str:
        return f"{self.way}.{(self.time - _EPOCH) // _MICROSECOND}.{self.pk}"

    def condition(self, field: str) -> Q:
        """Return the rows on the wanted side. The first condition is the one that an index serves."""
        sign = "lt" if self.way == OLDER else "gt"
        beyond = Q(**{f"{field}__{sign}": self.time}) | Q(**{f"pk__{sign}": self.pk})
        return Q(**{f"{field}__{sign}e": self.time}) & beyond


class KeysetChangeList(ChangeList):
    """A list of the admin in one order: by the time `model_admin.keyset`, the newest first."""

    model_admin: "KeysetList"
    is_keyset = True
    newest_url = newer_url = older_url = ""
    behind: int | None = None
    """Seconds by which the replica lags that these rows come from. None: they are the primary's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Django's "Select … to view" is no Korean with our names.
        self.title = capfirst(str(self.opts.verbose_name_plural))

    @override
    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return [f"-{self.model_admin.keyset}", "-pk"]

    @override
    def get_results(self, request: HttpRequest) -> None:
        """Read the rows of the page. An action reads them again from the primary."""
        field = self.model_admin.keyset
        cursor = Cursor.read(request.GET.get(PAGE_VAR, ""), self.model)
        (rows, has_newer, has_older), lag = replica.read(
            lambda alias: self._results(self.queryset.using(alias), cursor, field)
        )
        self.behind = None if lag is None else math.ceil(lag)
        if has_newer:
            self.newest_url = self.get_query_string()
            self.newer_url = self._url(rows[0] if rows else None, NEWER, field)
        if has_older:
            self.older_url = self._url(rows[-1], OLDER, field)
        self.result_list = rows
        self.result_count = self.full_result_count = len(rows)
        self.show_full_result_count = self.can_show_all = self.multi_page = False
        self.show_admin_actions = True
        self.paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)

    def _results(
        self, queryset: QuerySet[Any], cursor: Cursor | None, field: str
    ) -> tuple[list[Any], bool, bool]:
        rows, has_newer, has_older = self._page(queryset, cursor, field)
        if cursor is not None and cursor.way == NEWER and not has_newer:
            # Fewer rows than a page are newer: show the whole first page.
            return self._page(queryset, None, field)
        return rows, has_newer, has_older

    def _page(
        self, rows: QuerySet[Any], cursor: Cursor | None, field: str
    ) -> tuple[list[Any], bool, bool]:
        """Return the rows of one page, and whether there are newer and older ones."""
        size = self.list_per_page
        if cursor is None:
            found = list(rows[: size + 1])
            return found[:size], False, len(found) > size
        rows = rows.filter(cursor.condition(field))
        if cursor.way == OLDER:
            found = list(rows[: size + 1])
            return found[:size], True, len(found) > size
        found = list(rows.order_by(field, "pk")[: size + 1])
        return found[:size][::-1], len(found) > size, True

    def _url(self, row: Model | None, way: str, field: str) -> str:
        if row is None:
            return self.get_query_string()
        return self.get_query_string({PAGE_VAR: str(Cursor.at(row, way, field))})


class KeysetList(admin.ModelAdmin[Any]):
    """Adds `KeysetChangeList` to the admin of a model. An index must serve each filter.

    Sets no `date_hierarchy`: its links to years and months read the time of each row.
    """

    keyset: str
    """The column of times that orders the list. An index on it and the primary key must exist."""
    list_per_page = 40
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by = ()

    @override
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeysetChangeList

    @override
    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        # A list without a search box ignores a text in its address.
        text = search.text_of(search_term) if self.search_fields else ""
        return (queryset.filter(self.found_by(text)) if text else queryset), False

    def found_by(self, text: str) -> Q:
        """Return the rows that this text finds. An index must serve it."""
        raise NotImplementedError
