"""Show, change, download and delete the caller's own account."""

from typing import Any, cast

from django.db import transaction
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.pages import personal_data
from accounts.request import client_of
from accounts.signins import erasure, profiles
from api import profile
from api.authentication import account
from api.serializers.account import DeletionAnswerSerializer, DeletionSerializer, MeSerializer
from api.signin import stepup
from api.tokens import delivery


class MeView(APIView):
    @extend_schema(operation_id="me", responses=MeSerializer, tags=["account"])
    def get(self, request: Request) -> Response:
        """Return the caller's own account."""
        return Response(profile.members(account(request)), headers={"Cache-Control": "no-store"})

    @extend_schema(
        operation_id="me_update", request=MeSerializer, responses=MeSerializer, tags=["account"]
    )
    def patch(self, request: Request) -> Response:
        """Change the display name, the language or the further profile."""
        user = account(request)
        body = MeSerializer(user, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        former, client = user.display_name, client_of(request._request)  # noqa: SLF001
        extras = body.validated_data.pop("extras", {})
        with transaction.atomic():
            body.save()
            if user.display_name != former:
                profiles.renamed(user, client=client)
            if extras:
                profiles.change_extras(user, extras, client=client)
        return Response(profile.members(user), headers={"Cache-Control": "no-store"})

    @extend_schema(
        operation_id="me_delete",
        responses={202: DeletionAnswerSerializer},
        tags=["account"],
    )
    def delete(self, request: Request) -> Response:
        """Delete the account after some days. Signs out every device; a sign-in keeps the account.

        Needs a fresh proof: a reauthentication in the last minutes by allauth's headless API or the
        site's pages, or the `password` as a member of a JSON body.
        """
        body = DeletionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        stepup.require(request, password=body.validated_data["password"])
        client = client_of(request._request)  # noqa: SLF001
        sid = cast("Any", request.auth).sid  # of an access token, or of an `AuthSession`
        erase_at = erasure.request(account(request), sid=sid, client=client)
        answer = DeletionAnswerSerializer({"erase_at": erase_at}).data
        response = Response(answer, status=202, headers={"Cache-Control": "no-store"})
        delivery.forget(response)
        return response


class DataView(APIView):
    permission_classes = (IsAuthenticated, stepup.RecentlyAuthenticated)

    @extend_schema(
        operation_id="me_data",
        responses={
            (200, "application/json"): OpenApiResponse(
                OpenApiTypes.OBJECT, description="A file: profile, addresses, sign-ins, events."
            )
        },
        tags=["account"],
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Download all that the site knows of me.

        Needs a fresh proof: a reauthentication in the last minutes by allauth's headless API or the
        site's pages.
        """
        return personal_data.response(account(request))
