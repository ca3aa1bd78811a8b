"""What a view states about itself, for code that runs before the view or beside it.

A view has these attributes, on its class or set by `mark`. Nothing else needs to know its path.

- `limit`: a `Limit` that requests by POST count towards; with `is_limited_by_get`, all requests.
- `is_machine`: a program calls it, so its errors are problem JSON.
- `reads_json`: it reads the body as JSON, whatever the content type says.
- `is_for_frontends`: False for a page under a machine prefix: no frontend on another origin reads it.
- `needs_no_token`: it ignores an access token that is bad; with `may_connect`, unless the body's
  `process` is `connect`.

`for_machines` marks all addresses under one prefix, also those that lead to no view.
"""

from collections.abc import Callable, Iterator
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
    is_machine: bool
    reads_json: bool
    needs_no_token: bool
    may_connect: bool


def mark(**statements: Unpack[Statements]) -> Callable[[View], View]:
    """Set these attributes on a view that is a function, or another package's."""

    def decorate(view: View) -> View:
        for name, value in statements.items():
            setattr(view, name, value)
        return view

    return decorate


def for_machines(route: Route) -> Route:
    """Mark all addresses that begin as this route does: programs call them, frontends included."""
    route.is_machine = True  # type: ignore[attr-defined]  # ours
    return route


def match_of(request: HttpRequest) -> ResolverMatch | None:
    """Return what the request's path leads to, or None. Django's own answer comes too late."""
    if request.resolver_match is None:
        request.resolver_match = _resolved(request.path_info, settings.ROOT_URLCONF)
    return request.resolver_match


def limit_of(request: HttpRequest) -> Limit | None:
    """Return the limit that this request counts towards, or None."""
    is_counted = request.method == "POST" or stated(request, "is_limited_by_get")
    limit: Limit | None = stated(request, "limit") if is_counted else None
    return limit


def is_machine(request: HttpRequest) -> bool:
    """Does a program call this address? Its errors are problem JSON then, otherwise a page."""
    return is_under_machine_prefix(request) or bool(stated(request, "is_machine"))


def is_under_machine_prefix(request: HttpRequest) -> bool:
    return request.path_info.startswith(_machine_prefixes(settings.ROOT_URLCONF))


def stated(request: HttpRequest, name: str) -> Any:
    """Return what the request's view states under this name, or None."""
    match = match_of(request)
    if match is None:
        return None
    by_class = getattr(getattr(match.func, "view_class", None), name, None)
    by_call = getattr(match.func, "view_initkwargs", {}).get(name, by_class)  # of `as_view`
    return getattr(match.func, name, by_call)


@lru_cache(maxsize=256)
def _resolved(path: str, urlconf: str) -> ResolverMatch | None:
    """Requests share the match, so nobody may change it."""
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
