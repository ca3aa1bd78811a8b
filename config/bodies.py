"""Prepare a body for Django: give it its length, and read it as UTF-8."""

import io
import re
from typing import Any

BODILESS = {"GET", "HEAD", "OPTIONS", "TRACE"}
PIECE = 16 * 1024
CHARSET = re.compile(r";\s*charset=[^;]*", re.IGNORECASE)


def measure(environ: dict[str, Any], *, max_bytes: int) -> None:
    """Read a body without Content-Length (chunked, or HTTP/2) into memory and set CONTENT_LENGTH.

    Django trusts it for every body.

    Reads at most one byte more than `max_bytes`, so that `BodyMiddleware` sees a body that is too
    large. If the server doesn't mark the end of the body, reading could block for ever: the body
    stays unread, and `BodyMiddleware` answers 411.
    """
    if environ.get("CONTENT_LENGTH") or environ["REQUEST_METHOD"] in BODILESS:
        return
    if not environ.get("wsgi.input_terminated"):
        return
    body = bytearray()
    while len(body) <= max_bytes:
        piece = environ["wsgi.input"].read(min(PIECE, max_bytes + 1 - len(body)))
        if not piece:
            break
        body += piece
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)


def read_as_utf8(environ: dict[str, Any]) -> None:
    """Remove the charset that the caller names.

    Django decodes the query before any middleware runs, so for `charset=zlib` and a query string it would
    answer 500 without a page.
    """
    environ["CONTENT_TYPE"] = CHARSET.sub("", environ.get("CONTENT_TYPE") or "")
