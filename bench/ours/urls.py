"""Add a DRF view to our addresses, like one in an app that accepts our tokens."""

from django.urls import include, path
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import BearerAuthentication


class NoSQLView(APIView):
    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        return Response({"sub": str(request.user.pk)})


urlpatterns = [
    path("api/bench/sub/", NoSQLView.as_view()),
    path("", include("config.urls")),
]
