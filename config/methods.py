"""Refuse methods that no view takes, and keep the method of a request that is redirected."""

from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import cast

from django.http import HttpRequest, HttpResponseBase
from django.utils.text import format_lazy

from accounts import routes
from api import problems
from config import errors

TAKEN = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
"""Without TRACE, which would echo cookies, and CONNECT (RFC 9110 §9.3)."""
SAFE = {"GET", "HEAD"}


class MethodMiddleware:
    """Answer 405 to an unknown method, and 308 in place of 301 to a request with a body.

    After a 301 a browser sends a POST again as a GET without its body (RFC 9110 §15.4.2). A slash
    that is missing at the end of a path, or plain http, would so lose what was sent.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in TAKEN:
            response = errors.respond(request, _refusal(request))
            response.headers["Allow"] = ", ".join(_allowed(request))
            return response
        answer = self.get_response(request)
        if answer.status_code == HTTPStatus.MOVED_PERMANENTLY and request.method not in SAFE:
            answer.status_code = HTTPStatus.PERMANENT_REDIRECT
        return answer


def _refusal(request: HttpRequest) -> problems.Problem:
    row = problems.METHOD_NOT_ALLOWED
    return replace(row, detail=format_lazy(cast("str", row.detail), method=request.method))


def _allowed(request: HttpRequest) -> list[str]:
    """Return the methods that the view of this path takes, or all that the site knows."""
    view = getattr(routes.match_of(request), "func", None)
    view_class = getattr(view, "view_class", None)
    if view_class is None:
        return TAKEN
    return [name.upper() for name in view_class.http_method_names if hasattr(view_class, name)]
