"""Views for `test_routes.py` that state their limits and their callers. No other file uses them."""

from django.http import HttpResponse
from django.urls import include, path
from django.views.generic import View
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.routes import for_machines, mark
from accounts.store.counters import Limit
from config.urls import handler400, handler403, handler404, handler429, handler500
from config.urls import urlpatterns as site

__all__ = ["handler400", "handler403", "handler404", "handler429", "handler500", "urlpatterns"]

FEW = Limit("few", 2)


@mark(limit=FEW)
def limited(request):
    return HttpResponse()


@mark(limit=FEW, is_limited_by_get=True)
def limited_by_get(request):
    return HttpResponse()


@mark(is_machine=True)
def report(request):
    raise PermissionError if "defect" in request.GET else FileNotFoundError


@mark(reads_json=True)
def reads_json(request):
    return HttpResponse()


class LimitedView(View):
    limit = FEW

    def post(self, request):
        return HttpResponse()


class LimitedAPIView(APIView):
    authentication_classes = ()
    permission_classes = ()
    is_stateless = True
    limit = FEW

    def post(self, request):
        return Response({})


urlpatterns = [
    path("new/limited/", limited),
    path("new/by-get/", limited_by_get),
    path("new/class/", LimitedView.as_view()),
    path("new/drf/", LimitedAPIView.as_view()),
    path("new/report/", report),
    path("new/json/", reads_json),
    path("nested/", include([for_machines(path("machines/", include([path("known/", report)])))])),
    *site,
]
