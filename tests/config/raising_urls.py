"""URLs that raise each domain error, once in a page and once in an API view."""

from django.urls import path

from accounts.errors import (
    ConflictError,
    RevocationsStaleError,
    SessionEndedError,
    SessionTooLargeError,
    StoreUnavailableError,
    TooManyRequestsError,
)
from accounts.federation.errors import ProviderError, ProviderUnavailableError
from config.urls import handler400, handler403, handler404, handler429, handler500
from config.urls import urlpatterns as site

__all__ = ["handler400", "handler403", "handler404", "handler429", "handler500", "urlpatterns"]

ERRORS = {
    "conflict": ConflictError(),
    "defect": ProviderError("its caller should have caught it"),
    "ended": SessionEndedError(),
    "large": SessionTooLargeError("20000 bytes"),
    "limit": TooManyRequestsError(retry_seconds=7),
    "provider": ProviderUnavailableError("no answer"),
    "stale": RevocationsStaleError(),
    "store": StoreUnavailableError("no answer"),
}


def fail(request, name):
    raise ERRORS[name]


urlpatterns = [path("fail/<str:name>", fail), path("api/fail/<str:name>", fail), *site]
