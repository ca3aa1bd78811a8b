"""Requests that have no session, straight to their view."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve

from api.authentication import BearerAuthentication, bearer_in

if TYPE_CHECKING:
    from rest_framework.response import Response

PREFIX = "/api/"


class StatelessMiddleware:
    """Skips what stands below it in `MIDDLEWARE` (sessions, CSRF, messages, allauth's context).

    A request is stateless when its view says so, or when it carries a Bearer token and its view
    takes one: a token that is refused never falls back to a cookie. Preparing a session that such
    a request can't have took longer than its view (`bench/README.md`).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        match = _match(request)
        if match is None or not _is_stateless(request, match):
            return self.get_response(request)
        # As Django's handler would, after the last middleware.
        request.resolver_match = match
        response = cast("Response", match.func(request, *match.args, **match.kwargs))
        response.headers.setdefault("Cache-Control", "private, no-store")
        return cast("HttpResponseBase", response.render())


def _match(request: HttpRequest) -> ResolverMatch | None:
    if not request.path_info.startswith(PREFIX):
        return None
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


def _is_stateless(request: HttpRequest, match: ResolverMatch) -> bool:
    view = getattr(match.func, "cls", None)  # of DRF's views
    if getattr(view, "is_stateless", False):
        return True
    takes_bearer = BearerAuthentication in getattr(view, "authentication_classes", ())
    return takes_bearer and bearer_in(request.META) is not None
