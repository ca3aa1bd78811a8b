"""Divide lists into pages by cursor, which stay stable while rows are added and removed."""

from datetime import UTC
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from typing_extensions import override


class NewestFirst(CursorPagination):
    page_size = 20
    max_page_size = 100
    page_size_query_param = "limit"
    ordering = ("-created_at", "-id")

    @override
    def get_page_size(self, request: Request) -> int:
        """Return the `limit`. Refuse one that is no number from 1 to the maximum."""
        text = request.query_params.get(self.page_size_query_param)
        if text is None:
            return self.page_size
        is_good = text.isascii() and text.isdecimal() and len(text) <= len(str(self.max_page_size))
        if not is_good or not 1 <= int(text) <= self.max_page_size:
            error = ErrorDetail(
                _("Send a number from 1 to %(max)d.") % {"max": self.max_page_size}, "invalid"
            )
            raise ValidationError({self.page_size_query_param: [error]})
        return int(text)

    @override
    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] |= {"minimum": 1, "maximum": self.max_page_size}
        return parameters

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
