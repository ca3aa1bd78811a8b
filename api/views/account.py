"""Show and change the caller's own account."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import account
from api.serializers import MeSerializer

SHAPE = MeSerializer()
"""Stateless, so all requests share it: constructing a serializer is slower than using it."""


class MeView(APIView):
    @extend_schema(operation_id="me", responses=MeSerializer, tags=["account"])
    def get(self, request: Request) -> Response:
        """Return the caller's own account."""
        return Response(
            SHAPE.to_representation(account(request)), headers={"Cache-Control": "no-store"}
        )

    @extend_schema(
        operation_id="me_update", request=MeSerializer, responses=MeSerializer, tags=["account"]
    )
    def patch(self, request: Request) -> Response:
        """Change the display name or the language."""
        body = MeSerializer(account(request), data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        body.save()
        return Response(body.data, headers={"Cache-Control": "no-store"})
