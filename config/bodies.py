"""Give a body without Content-Length (chunked, or HTTP/2) its length, so that Django reads it."""

import io
from typing import Any

BODILESS = {"GET", "HEAD", "OPTIONS", "TRACE"}
PIECE = 16 * 1024


def measure(environ: dict[str, Any], *, max_bytes: int) -> None:
    """Read such a body into memory and set CONTENT_LENGTH, which Django trusts for every body.

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
