"""For load balancers and orchestrators: is the process up, and can it serve?"""

from collections.abc import Callable

from django.core.cache import caches
from django.db import connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from structlog import get_logger

log = get_logger()


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _redis() -> None:
    # Not a made-up key: django-redis turns any failure of this call into an exception.
    caches["sessions"].has_key("readyz")


PARTS: dict[str, Callable[[], None]] = {"database": _database, "redis": _redis}


class HealthMiddleware:
    """Answers the two paths before anything else looks at the request.

    A probe asks by address, not by a name in `ALLOWED_HOSTS`, and isn't redirected to https.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        view = VIEWS.get(request.path)
        return view(request) if view else self.get_response(request)


@never_cache
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers. Touches nothing else: a restart cures no database."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every part answers, else 503 naming the parts that don't."""
    states = {name: _state(name, probe) for name, probe in PARTS.items()}
    is_ready = set(states.values()) == {"ok"}
    return JsonResponse(
        {"status": "ok" if is_ready else "unavailable", "parts": states},
        status=200 if is_ready else 503,
    )


def _state(name: str, probe: Callable[[], None]) -> str:
    try:
        probe()
    except Exception as error:  # noqa: BLE001 - whatever it is, the part doesn't answer
        # The reason goes to the log, not to an anonymous caller.
        log.warning("readyz.failed", part=name, error=str(error))
        return "failed"
    return "ok"


VIEWS: dict[str, Callable[[HttpRequest], HttpResponseBase]] = {"/livez": livez, "/readyz": readyz}
