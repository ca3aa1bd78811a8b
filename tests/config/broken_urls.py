"""URLs of a page and of an API view that raise an unexpected error."""

from django.urls import path

from config.urls import handler400, handler403, handler404, handler429, handler500
from config.urls import urlpatterns as site

__all__ = ["handler400", "handler403", "handler404", "handler429", "handler500", "urlpatterns"]


def broken(request):
    raise RuntimeError("very secret")


urlpatterns = [path("broken", broken), path("api/broken", broken), *site]
