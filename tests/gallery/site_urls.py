"""The addresses of a demo, and one that raises the error that it names."""

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.urls import path
from redis.exceptions import ConnectionError as RedisConnectionError

from accounts.errors import TooManyRequestsError
from demo import urls
from demo.urls import handler400, handler403, handler404, handler429, handler500

__all__ = ["handler400", "handler403", "handler404", "handler429", "handler500", "urlpatterns"]
ERRORS = {
    "400": SuspiciousOperation,
    "403": PermissionDenied,
    "429": TooManyRequestsError,
    "500": ZeroDivisionError,
    "503": RedisConnectionError,
}


def fail(request: HttpRequest, name: str) -> HttpResponse:
    raise ERRORS[name]


urlpatterns = [*urls.urlpatterns, path("gallery/<str:name>/", fail, name="gallery-error")]
