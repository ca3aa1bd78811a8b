"""Lists page by cursor: stable while rows come and go."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    page_size = 20
    max_page_size = 100
    page_size_query_param = "limit"
    ordering = ("-created_at", "-id")
