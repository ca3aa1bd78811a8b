"""Give a client with a Bearer token a ticket for a stream of `/events`."""

from typing import TYPE_CHECKING, cast

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.live import tickets
from api.authentication import BearerAuthentication, account
from api.serializers.tokens import EventTicketSerializer

if TYPE_CHECKING:
    from api.tokens.jwts import AccessJWT


class EventTicketView(APIView):
    authentication_classes = (BearerAuthentication,)

    @extend_schema(
        operation_id="event_ticket",
        request=None,
        responses={201: EventTicketSerializer},
        tags=["sessions"],
    )
    def post(self, request: Request) -> Response:
        """Get a ticket for one stream. Open `url` with `EventSource` within `expires_in` seconds."""
        account(request)  # refuses a deleted or disabled user
        ticket = tickets.issue(cast("AccessJWT", request.auth).sid)
        body = EventTicketSerializer(
            {
                "ticket": ticket,
                "url": f"{settings.EVENTS_URL}?ticket={ticket}",
                "expires_in": tickets.SECONDS,
            }
        )
        return Response(
            body.data, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"}
        )
