"""Divide lists into pages by cursor, which stay stable while rows are added and removed."""

from datetime import UTC
from typing import Any

from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from typing_extensions import override


class NewestFirst(CursorPagination):
    page_size = 20
    max_page_size = 100
    page_size_query_param = "limit"
    ordering = ("-created_at", "-id")

    @override
    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return the cursor.

        Raises `NotFound` for a made-up one, as DRF does if it can't decode one.
        """
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None and not _is_moment(cursor.position):
            raise NotFound(self.invalid_cursor_message)
        return cursor


def _is_moment(position: Any) -> bool:
    try:
        moment = parse_datetime(str(position))
        return moment is not None and bool(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        return False
