"""Serve allauth's headless addresses, and a DRF view for its JWTs as its page *DRF* shows one."""

from django.urls import include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class VerifyView(APIView):
    def get(self, request: Request) -> Response:
        return Response({"sub": request.auth["sub"]})


urlpatterns = [
    path("verify", VerifyView.as_view()),
    path("accounts/", include("allauth.urls")),
    path("_allauth/", include("allauth.headless.urls")),
]
