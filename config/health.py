"""Tell load balancers and orchestrators whether the process is up and can serve."""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from structlog import get_logger

from accounts.store import nodes

log = get_logger()


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _redis() -> None:
    # Ask one node of a cluster only: if another one is down, all site processes lack it, so taking this
    # process out of the load balancer would mend nothing.
    nodes.of_sessions().ping()


PARTS: dict[str, Callable[[], None]] = {"database": _database, "redis": _redis}


class HealthMiddleware:
    """Answer `/livez` and `/readyz` before the other middleware.

    A probe sends an IP address as its host, which isn't in `ALLOWED_HOSTS`, and uses plain http.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        view = VIEWS.get(request.path)
        return view(request) if view else self.get_response(request)


@never_cache
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """Answer 200. Doesn't ask the database or Redis: a restart of the site doesn't mend them."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if all parts answer, otherwise 503 with the state of each part."""
    is_ready, body = examine()
    return JsonResponse(body, status=200 if is_ready else 503)


def examine() -> tuple[bool, dict[str, Any]]:
    """Return whether all parts answer, and the body of `/readyz`."""
    states = {name: _state(name, probe) for name, probe in PARTS.items()}
    is_ready = set(states.values()) == {"ok"}
    return is_ready, {"status": "ok" if is_ready else "unavailable", "parts": states}


def _state(name: str, probe: Callable[[], None]) -> str:
    try:
        probe()
    except Exception as error:  # noqa: BLE001 - any error means that the part doesn't answer
        # Log the reason and don't show it: the caller is anonymous.
        log.warning("readyz.failed", part=name, error=str(error))
        return "failed"
    return "ok"


VIEWS: dict[str, Callable[[HttpRequest], HttpResponseBase]] = {"/livez": livez, "/readyz": readyz}
