"""Write the log line of a request that is no refusal and no failure. Nearly every request has one.

In production this module writes the line itself, by one system call. It is the text that structlog and logging
would write, but takes a fifth of their time, and no thread waits for another's lock. structlog writes the line
if a tool or test has changed the format, stream, handler or processors, and if the line is longer than a pipe
writes in one piece (`PIPE_BUF`).
"""

import json
import logging
import os
import select
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

import structlog
from structlog.contextvars import merge_contextvars

from config import redaction

NAME = "config.middleware"
EVENT = "request_finished"
END = f'"logger": "{NAME}", "level": "info", "timestamp": '

_log = structlog.get_logger(NAME)
_standard = logging.getLogger(NAME)


@dataclass(frozen=True)
class _Usual:
    """The handler of a production process, and the parts by which we notice that somebody replaced them."""

    handler: "logging.StreamHandler[Any]"
    stream: Any
    number: int
    """The file descriptor of the stream."""
    processors: list[Any]
    first: Any

    def is_still_so(self) -> bool:
        """Return False if a test or a tool has put another handler, stream, filter or processor in place."""
        handlers = logging.root.handlers
        return (
            len(handlers) == 1
            and handlers[0] is self.handler
            and self.handler.stream is self.stream
            and self.processors[0] is self.first
            and _standard.parent is logging.root
            and not (_standard.handlers or _standard.filters or self.handler.filters)
        )


_usual: _Usual | None = None


def prepare(*, is_json: bool) -> None:
    """Decide whether this process may write lines itself. Call after each configuration of the log."""
    global _usual  # noqa: PLW0603 - as logging, one for each process
    _usual = None
    (handler,) = logging.root.handlers
    processors = structlog.get_config()["processors"]
    if is_json and type(handler) is logging.StreamHandler:
        with suppress(OSError):  # a stream without a file, such as one in memory
            number = handler.stream.fileno()
            _usual = _Usual(handler, handler.stream, number, processors, processors[0])


def write(*, code: int, request: str) -> None:
    """Write the line of this request, with what `structlog.contextvars` has."""
    usual = _usual
    if usual is None or not usual.is_still_so():
        _log.info(EVENT, code=code, request=request)
    elif _standard.isEnabledFor(logging.INFO):
        line = _rendered({"code": code, "request": request, "event": EVENT})
        if len(line) > select.PIPE_BUF:
            _log.info(EVENT, code=code, request=request)
        else:
            with suppress(OSError):  # as logging does: a full disk fails no request
                os.write(usual.number, line)


def _rendered(line: dict[str, Any]) -> bytes:
    members = [
        f"{quoted(name)}: {quoted(value) if isinstance(value, str) else json.dumps(value)}"
        for name, value in redaction.redact(None, "", merge_contextvars(None, "", line)).items()
    ]
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return f'{{{", ".join(members)}, {END}"{now}"}}\n'.encode()
