"""Refuse methods that an address doesn't take, and keep the method of a request that is redirected."""

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
OF_PAGES = ["GET", "POST", "HEAD", "OPTIONS"]
HANDLERS = {"HEAD": "get"}
"""Django's views answer a HEAD by the method for GET."""
SAFE = {"GET", "HEAD"}
UNCHECKED = {*SAFE, "OPTIONS"}
"""The methods that need no CSRF token."""


class MethodMiddleware:
    """Answer 405 to a method that the address doesn't take, and 308 in place of 301 to a request with a body.

    After a 301 a browser sends a POST again as a GET without its body (RFC 9110 §15.4.2). A slash
    that is missing at the end of a path, or plain http, would so lose what was sent.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in TAKEN or _is_refused(request):
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


def _is_refused(request: HttpRequest) -> bool:
    """Return True if this page doesn't take the method. The CSRF check would answer before the view.

    Addresses for programs, and views without that check, answer themselves.
    """
    match = routes.match_of(request)
    if match is None or request.method in UNCHECKED:
        return False
    if routes.is_machine(request) or getattr(match.func, "csrf_exempt", False):
        return False
    return request.method not in _allowed(request)


def _allowed(request: HttpRequest) -> list[str]:
    """Return the methods that the view of this path takes, or all that it may take.

    A page takes no PUT, PATCH or DELETE: browsers send none, and Django's form view takes a PUT for a POST.
    """
    view = getattr(routes.match_of(request), "func", None)
    view_class = getattr(view, "view_class", None)
    known = TAKEN if routes.is_machine(request) else OF_PAGES
    if view_class is None:
        return known
    named = getattr(view, "view_initkwargs", {}).get("http_method_names")
    names = [name.upper() for name in named or view_class.http_method_names]
    return [
        name
        for name in known
        if name in names and hasattr(view_class, HANDLERS.get(name, name.lower()))
    ]
