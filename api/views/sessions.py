"""List and end the caller's sign-ins, of browsers and of API clients."""

from typing import TYPE_CHECKING, cast
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.exceptions import NotFound
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from accounts.request import client_of
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from api.authentication import account
from api.rows import SessionSerializer
from api.signin import stepup

if TYPE_CHECKING:
    from accounts.people.models import User


@extend_schema_view(get=extend_schema(operation_id="session_list", tags=["sessions"]))
class SessionListView(ListAPIView[AuthSession]):
    """List the signed-in devices, newest first."""

    serializer_class = SessionSerializer
    queryset = AuthSession.objects.none()

    @override
    def get_queryset(self) -> QuerySet[AuthSession]:
        return AuthSession.objects.for_user(cast("User", self.request.user).pk).active()

    @extend_schema(
        operation_id="session_revoke_others",
        responses={204: OpenApiResponse(description="All other devices are signed out.")},
        tags=["sessions"],
    )
    def delete(self, request: Request) -> Response:
        """Sign out all other devices. Needs a fresh proof."""
        stepup.require(request)
        sessions.revoke_all(
            account(request),
            reason=sessions.Reason.OTHER_DEVICE,
            keep=stepup.sid_of(request),
            client=client_of(request._request),  # noqa: SLF001
        )
        return Response(status=204)


class SessionDetailView(APIView):
    @extend_schema(
        operation_id="session_revoke",
        responses={204: OpenApiResponse(description="The device is signed out.")},
        tags=["sessions"],
    )
    def delete(self, request: Request, sid: UUID) -> Response:
        """Sign that device out. Another device than this one needs a fresh proof."""
        mine = AuthSession.objects.for_user(cast("User", request.user).pk).active()
        session = mine.select_related("user").filter(pk=sid).first()
        if session is None:
            raise NotFound
        client = client_of(request._request)  # noqa: SLF001
        if session.pk == stepup.sid_of(request):
            sessions.sign_out(session.pk, client=client, user=session.user)
        else:
            stepup.require(request)
            sessions.revoke(session, reason=sessions.Reason.OTHER_DEVICE, client=client)
        return Response(status=204)
