"""List and end the browsers in which the caller's account wants no second step."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.exceptions import NotFound
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from accounts.pages import trusting
from accounts.request import client_of
from accounts.signins import trusted_browsers
from accounts.signins.models import TrustedBrowser
from api.authentication import account
from api.rows import TrustedBrowserSerializer


@extend_schema_view(get=extend_schema(operation_id="trusted_browser_list", tags=["sessions"]))
class TrustedBrowserListView(ListAPIView[TrustedBrowser]):
    """List the trusted browsers, newest first. Their sign-ins need no second step."""

    serializer_class = TrustedBrowserSerializer
    queryset = TrustedBrowser.objects.none()

    @override
    def get_queryset(self) -> QuerySet[TrustedBrowser]:
        return trusting.browsers_of(account(self.request))


class TrustedBrowserDetailView(APIView):
    @extend_schema(
        operation_id="trusted_browser_end",
        responses={204: OpenApiResponse(description="That browser is asked again.")},
        tags=["sessions"],
    )
    def delete(self, request: Request, id: UUID) -> Response:  # noqa: A002 - of the address
        """Ask that browser for the second step again. Needs no fresh proof: it makes things stricter."""
        client = client_of(request._request)  # noqa: SLF001
        if not trusted_browsers.end(id, user=account(request), client=client):
            raise NotFound
        return Response(status=204)
