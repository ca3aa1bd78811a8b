"""Serve `GET /me` and SimpleJWT's refresh, and the answer of `/me` for a session cookie."""

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, JsonResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.views import APIView
from rest_framework_simplejwt.views import TokenRefreshView


class MeSerializer(ModelSerializer):
    class Meta:
        model = User
        fields = ["id", "username", "email", "first_name", "is_staff", "date_joined"]


class MeView(APIView):
    def get(self, request: Request) -> Response:
        return Response(MeSerializer(request.user).data)


@login_required
def session(request: HttpRequest) -> JsonResponse:
    user = request.user
    return JsonResponse({name: getattr(user, name) for name in MeSerializer.Meta.fields})


urlpatterns = [
    path("session", session),
    path("me", MeView.as_view()),
    path("token/refresh/", TokenRefreshView.as_view()),
]
