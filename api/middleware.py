"""Call the API's views directly, past the middleware that they don't need."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponseBase
from django.template.response import SimpleTemplateResponse

from accounts import routes
from api.authentication import BearerAuthentication, bearer_in

if TYPE_CHECKING:
    from rest_framework.authentication import BaseAuthentication


OUTAGE = "gate.outage"
"""The member of the WSGI environ with the error of the database that `config.gate` met. No header has
this name."""


class StatelessMiddleware:
    """Call the view at once if the request needs no session; otherwise go on.

    A request needs none if its view says so (`is_stateless`), or if it carries a Bearer token to a
    view that accepts one. Then a refused token ends in a 401, even if the request also has a valid
    cookie. Preparing a session took longer than the view (`bench/README.md`).

    Raises the error of an outage that the gate has met: to ask the database again would let the thread
    wait twice.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if outage := request.META.get(OUTAGE):
            raise outage
        if not _is_stateless(request):
            return self.get_response(request)
        response = _answer(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


def _answer(request: HttpRequest) -> HttpResponseBase:
    """Call the request's DRF view as Django's handler would, and return the rendered answer."""
    match = routes.match_of(request)
    assert match is not None  # noqa: S101 - the view was asked what it takes
    response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    return response.render() if isinstance(response, SimpleTemplateResponse) else response


def _is_stateless(request: HttpRequest) -> bool:
    if routes.stated(request, "is_stateless"):
        return True
    return _takes(BearerAuthentication, request) and bearer_in(request.META) is not None


def _takes(credential: "type[BaseAuthentication]", request: HttpRequest) -> bool:
    return credential in (routes.stated(request, "authentication_classes") or ())
