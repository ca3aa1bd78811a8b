"""Calls of the API, straight to their view."""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve

from api.authentication import SAFE, BearerAuthentication, CookieAuthentication, bearer_in

if TYPE_CHECKING:
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.response import Response

    from accounts.request import Request


class StatelessMiddleware:
    """Skips what stands below it in `MIDDLEWARE`: sessions, and what `ReadingMiddleware` skips.

    A request is stateless when its view says so, or when it carries a Bearer token and its view
    takes one: a token that is refused never falls back to a cookie. Preparing a session that such
    a request can't have took longer than its view (`bench/README.md`).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        match = _match(request)
        cast("Request", request).api_match = match
        if match is None or not _is_stateless(request, match):
            return self.get_response(request)
        response = _answer(request, match)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class ReadingMiddleware:
    """Skips the rest (CSRF, messages, allauth's context) for a GET by cookie of a view of DRF's.

    Such a view has no form and leaves no message, and DRF checks the CSRF token of other methods by
    itself. It must not write to the session: what fails then passes `SessionMiddleware` by.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        match = cast("Request", request).api_match
        if match is None or request.method not in SAFE or not _takes(CookieAuthentication, match):
            return self.get_response(request)
        return _answer(request, match)


def _answer(request: HttpRequest, match: ResolverMatch) -> HttpResponseBase:
    """Call the view as Django's handler would, after the last middleware."""
    request.resolver_match = match
    response = cast("Response", match.func(request, *match.args, **match.kwargs))
    return cast("HttpResponseBase", response.render())


def _match(request: HttpRequest) -> ResolverMatch | None:
    if not request.path_info.startswith(settings.API_PREFIX):
        return None
    return _resolve(request.path_info, settings.ROOT_URLCONF)


@lru_cache(maxsize=256)
def _resolve(path: str, urlconf: str) -> ResolverMatch | None:
    """Requests share the match, so nobody may change it."""
    try:
        return resolve(path, urlconf)
    except Resolver404:
        return None


def _is_stateless(request: HttpRequest, match: ResolverMatch) -> bool:
    if getattr(_view(match), "is_stateless", False):
        return True
    return _takes(BearerAuthentication, match) and bearer_in(request.META) is not None


def _takes(credential: "type[BaseAuthentication]", match: ResolverMatch) -> bool:
    return credential in getattr(_view(match), "authentication_classes", ())


def _view(match: ResolverMatch) -> Any:
    """The class, of DRF's views."""
    return getattr(match.func, "cls", None)
