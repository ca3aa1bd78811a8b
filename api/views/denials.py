"""Take the caller's report "it wasn't me" about an event of the account, or about a sign-in."""

from uuid import UUID

from django.contrib.auth import update_session_auth_hash
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.reports import own
from accounts.request import client_of
from accounts.signins.models import AuthSession
from api.authentication import account
from api.serializers.account import DenialAnswerSerializer
from api.signin import stepup


class EventDenialView(APIView):
    @extend_schema(
        operation_id="activity_deny",
        request=None,
        responses=DenialAnswerSerializer,
        tags=["account"],
    )
    def post(self, request: Request, id: int) -> Response:  # noqa: A002 - of the address
        """Report an event whose `can_be_denied` is true: it wasn't me. Needs a fresh proof.

        All other sign-ins end, the password no longer works, and administrators see the report.
        """
        return _file(request, own.event(account(request), id, here=stepup.sid_of(request)))


class SessionDenialView(APIView):
    @extend_schema(
        operation_id="session_deny",
        request=None,
        responses=DenialAnswerSerializer,
        tags=["sessions"],
    )
    def post(self, request: Request, sid: UUID) -> Response:
        """Report another signed-in device: it wasn't me. Needs a fresh proof.

        All other sign-ins end, the password no longer works, and administrators see the report.
        """
        return _file(request, own.sign_in(account(request), sid, here=stepup.sid_of(request)))


def _file(request: Request, subject: own.Subject | None) -> Response:
    if subject is None:
        raise NotFound
    stepup.require(request)
    http = request._request  # noqa: SLF001 - DRF's only way to it
    filed = own.file(account(request), subject, keep=stepup.sid_of(request), client=client_of(http))
    if filed.needs_password and isinstance(request.auth, AuthSession):
        update_session_auth_hash(http, filed.user)  # the browser that reports stays signed in
    return Response(DenialAnswerSerializer({"needs_password": filed.needs_password}).data)
