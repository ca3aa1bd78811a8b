"""Forbid changes of rows in the admin."""

from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """Forbid to add, change or delete rows, because they record what happened."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
