"""Prepare the path and the cookies of a request before Django reads them."""

import codecs
from typing import Any

from accounts import cookies

ENCODED = "percent-encoded"
"""How to decode bytes that are no UTF-8: `%E9` stands for each."""


def prepare(environ: dict[str, Any]) -> None:
    """Percent-encode what is no UTF-8 in the path, and remove cookies that only look like ours.

    Django encodes such a path in the same way, but copies its whole rest for each byte: 64 KB of them
    cost more than a second, and anybody can send them.
    """
    path = environ["PATH_INFO"]
    if not path.isascii():
        readable = path.encode("latin-1").decode("utf-8", ENCODED)
        environ["PATH_INFO"] = readable.encode().decode("latin-1")
    if sent := environ.get("HTTP_COOKIE"):
        environ["HTTP_COOKIE"] = cookies.named_plainly(sent)


def _encode(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(f"%{byte:02X}" for byte in error.object[error.start : error.end]), error.end


codecs.register_error(ENCODED, _encode)
