"""Parse request bodies."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework import parsers
from typing_extensions import override


class JSONParser(parsers.JSONParser):
    """Read JSON as UTF-8 (RFC 8259 §8.1) and ignore the charset that the header names."""

    @override
    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        return super().parse(stream, media_type, {**(parser_context or {}), "encoding": "utf-8"})
