"""Choose the format of an answer."""

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from typing_extensions import override


class ContentNegotiation(DefaultContentNegotiation):
    """Skip DRF's negotiation if there is one format and the caller takes any (RFC 9110 §12.5.1)."""

    @override
    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> Any:
        accepts = request.META.get("HTTP_ACCEPT", "*/*")
        first, *others = renderers
        if not others and not format_suffix and accepts == "*/*":
            return first, first.media_type
        return super().select_renderer(request, [first, *others], format_suffix)
