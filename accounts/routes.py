"""Let a view declare facts that other code needs before the view runs, or beside it.

A view has these attributes, on its class or set by `mark`. So no other code needs to know its path.

- `limit`: a `Limit` for its POST requests; with `is_limited_by_get`, for all its requests.
- `counts_refusals`: the limit counts only requests that the view refuses (4xx). The view answers all
  other requests, also while the limit is used up.
- `is_machine`: a program calls it, so its errors are problem JSON.
- `reads_json`: it reads the body as JSON, whatever the content type says.
- `is_for_frontends`: False for a page under a machine prefix: frontends on other origins can't read it.
- `needs_no_token`: it ignores a bad access token. With `may_connect`, it refuses one if the body's
  `process` is `connect`.
- `shown_on`: the name of the page that has the button of a view that takes only POST.

`for_machines` marks all addresses under one prefix, also those that lead to no view.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, TypedDict, TypeVar, Unpack

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, ResolverMatch, URLPattern, URLResolver, get_resolver, resolve

from accounts.store.counters import Limit

View = TypeVar("View", bound=Callable[..., Any])
Route = TypeVar("Route", URLPattern, URLResolver)


class Statements(TypedDict, total=False):
    limit: Limit
    is_limited_by_get: bool
    counts_refusals: bool
    is_machine: bool
    reads_json: bool
    is_stateless: bool
    needs_no_token: bool
    may_connect: bool


def mark(**statements: Unpack[Statements]) -> Callable[[View], View]:
    """Return a decorator that sets these attributes, for a function or another package's view."""

    def decorate(view: View) -> View:
        for name, value in statements.items():
            setattr(view, name, value)
        return view

    return decorate


def for_machines(route: Route) -> Route:
    """Mark all addresses under this route: programs call them, frontends included.

    Returns the route.
    """
    route.is_machine = True  # type: ignore[attr-defined]  # ours
    return route


def views_in(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    """Yield the routes that lead to a view, those of included patterns, too."""
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from views_in(each.url_patterns)
        else:
            yield each


def match_of(request: HttpRequest) -> ResolverMatch | None:
    """Return the route that the request's path leads to, or None.

    Django finds it too, but only after the middleware.
    """
    if request.resolver_match is None:
        request.resolver_match = _resolved(request.path_info, settings.ROOT_URLCONF)
    return request.resolver_match


def limit_of(request: HttpRequest) -> Limit | None:
    """Return the limit that this request counts towards, or None."""
    is_counted = request.method == "POST" or stated(request, "is_limited_by_get")
    limit: Limit | None = stated(request, "limit") if is_counted else None
    return limit


def is_machine(request: HttpRequest) -> bool:
    """Return True if a program calls this address. Its errors are then problem JSON, not a page."""
    return is_under_machine_prefix(request) or bool(stated(request, "is_machine"))


def is_under_machine_prefix(request: HttpRequest) -> bool:
    return request.path_info.startswith(_machine_prefixes(settings.ROOT_URLCONF))


def stated(request: HttpRequest, name: str) -> Any:
    """Return the value that the request's view declares under this name, or None."""
    match = match_of(request)
    return match and _stated(match.func, name)


@lru_cache(maxsize=1024)
def _stated(view: Callable[..., Any], name: str) -> Any:
    """Return what this view declares. The middleware asks six times a request, and views don't change."""
    by_class = getattr(getattr(view, "view_class", None), name, None)
    by_call = getattr(view, "view_initkwargs", {}).get(name, by_class)  # of `as_view`
    return getattr(view, name, by_call)


def forget() -> None:
    """Ask the views again. Call after a change of what one declares."""
    _stated.cache_clear()


@lru_cache(maxsize=256)
def _resolved(path: str, urlconf: str) -> ResolverMatch | None:
    """Return the match of this path, or None. Requests share the match, so don't change it."""
    try:
        return resolve(path, urlconf)
    except Resolver404:
        return None


@lru_cache(maxsize=8)
def _machine_prefixes(urlconf: str) -> tuple[str, ...]:
    return tuple(_marked_in(get_resolver(urlconf), "/"))


def _marked_in(resolver: URLResolver, prefix: str) -> Iterator[str]:
    for route in resolver.url_patterns:
        path = f"{prefix}{route.pattern}"
        if getattr(route, "is_machine", False):
            yield path
        elif isinstance(route, URLResolver):
            yield from _marked_in(route, path)
