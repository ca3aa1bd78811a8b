"""Take calls of the API straight to their view, past the middleware that they don't need."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from django.http import HttpRequest, HttpResponseBase

from accounts import routes
from api.authentication import SAFE, BearerAuthentication, CookieAuthentication, bearer_in

if TYPE_CHECKING:
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.response import Response


class StatelessMiddleware:
    """Skip sessions, and what `ReadingMiddleware` skips, for a request that needs no session.

    These are requests whose view says so (`is_stateless`), and those that carry a Bearer token to a
    view that takes one: if the token is refused, the cookie isn't tried. Preparing a session took
    longer than the view (`bench/README.md`).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not _is_stateless(request):
            return self.get_response(request)
        response = _answer(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class ReadingMiddleware:
    """Skip CSRF, messages and allauth's context for a GET by cookie of one of DRF's views.

    Such a view has no form and leaves no message, and DRF itself checks the CSRF token of other
    methods. The view must not write to the session: an error of its save would pass by
    `SessionMiddleware`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method in SAFE and _takes(CookieAuthentication, request):
            return _answer(request)
        return self.get_response(request)


def _answer(request: HttpRequest) -> HttpResponseBase:
    """Call one of DRF's views as Django's handler would, after the last middleware."""
    match = routes.match_of(request)
    assert match is not None  # noqa: S101 - the view was asked what it takes
    response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    return response if response.streaming else cast("Response", response).render()


def _is_stateless(request: HttpRequest) -> bool:
    if routes.stated(request, "is_stateless"):
        return True
    return _takes(BearerAuthentication, request) and bearer_in(request.META) is not None


def _takes(credential: "type[BaseAuthentication]", request: HttpRequest) -> bool:
    return credential in (routes.stated(request, "authentication_classes") or ())
