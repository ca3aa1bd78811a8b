"""Try to answer a request. Django answers if this fails."""

import time
from collections.abc import Iterable
from contextvars import Context
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import DEFAULT_DB_ALIAS, connections
from structlog import get_logger
from structlog.contextvars import bind_contextvars

from api import problems
from api.middleware import OUTAGE
from api.tokens import signing
from config import errors
from config.gate import plain_requests, responses, views

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

log = get_logger()


def answer(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes] | None:
    """Answer as a WSGI application does, or return None: then Django must answer.

    Leaves the body unread then.
    """
    route = views.BY_PATH.get(environ["PATH_INFO"])
    if route is None or environ["REQUEST_METHOD"] not in route.methods or settings.TRACING:
        return None
    began = time.perf_counter()
    request = plain_requests.read(environ, has_body=route.has_body, takes_any=route.takes_any)
    if request is None:
        return None
    # A context of its own: nothing of an earlier request in this thread, and nothing for the next one.
    packed = Context().run(_tried, route, request, began)
    if packed is None:
        environ["HTTP_X_REQUEST_ID"] = request.id  # the lines of both ways have one id
        return None
    status, headers, body = packed
    start_response(status, headers)
    return [body]


def _tried(
    route: views.Route, request: plain_requests.PlainRequest, began: float
) -> tuple[str, responses.Headers, bytes] | None:
    bind_contextvars(request_id=request.id)
    signing.will_be_tried_again.set(True)
    try:
        found = route.view(request)
    except Exception as error:
        if isinstance(error, errors.DATABASE_OUTAGES):
            request.environ[OUTAGE] = error
        elif not _is_a_refusal(error):
            log.exception(
                "gate_failed", request=f"{request.environ['REQUEST_METHOD']} {route.path}"
            )
        found = None
    # A connection without a fault stays with its thread: the pool has one for each.
    database = connections[DEFAULT_DB_ALIAS]
    if database.errors_occurred and not database.in_atomic_block:
        database.close_if_unusable_or_obsolete()
    if found is None:
        return None
    packed = responses.packed(found, request)
    responses.note(route, request, seconds=time.perf_counter() - began)
    return packed


def _is_a_refusal(error: Exception) -> bool:
    """Return True if Django has an answer for this error, and a log line. Others are defects."""
    if isinstance(error, SuspiciousOperation):
        return True
    return problems.find(error) is not None or hasattr(error, "status_code")
