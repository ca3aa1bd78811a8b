"""List the sign-ins that ended, for services that verify tokens themselves."""

import hashlib
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from accounts.signins import revocation_pages
from accounts.signins.revocation_pages import Cursor, Page
from accounts.store import counters
from api import clients
from api.exceptions import ClientRefused
from api.serializers.tokens import RevocationsSerializer
from api.views.tokens import OAuthAPIView

CURSOR = OpenApiParameter(
    name="cursor",
    type={"type": "string", "pattern": revocation_pages.PATTERN},
    description="The `cursor` of the answer before. Without one: everything that still matters.",
)
IF_NONE_MATCH = OpenApiParameter(
    name="If-None-Match",
    location=OpenApiParameter.HEADER,
    type=str,
    description="The `ETag` of the answer before: the answer is 304 if the list is the same.",
)


class RevocationListView(OAuthAPIView):
    limit = counters.limit("introspect")
    counts_refusals = True

    @extend_schema(
        operation_id="revocations_list",
        parameters=[CURSOR, IF_NONE_MATCH],
        responses={
            200: RevocationsSerializer,
            304: OpenApiResponse(description="Nothing new ended. Keep the cursor."),
        },
        tags=["tokens"],
    )
    def get(self, request: Request) -> Response:
        """List the sign-ins that ended, for a service that verifies tokens itself. Needs HTTP Basic.

        Refuse a token whose `sid` is in the list. Ask every few seconds with the last `cursor`, and keep
        each `sid` for `access_token_seconds`. One may be listed again.
        """
        if clients.authenticate(request.META.get("HTTP_AUTHORIZATION", "")) is None:
            raise ClientRefused
        page = revocation_pages.page(_cursor_in(request))
        etag = _etag(page)
        headers = {"ETag": etag}
        if request.headers.get("If-None-Match", "") == etag:
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        content = {
            "revocations": [
                {"sid": sid, "revoked_at": revoked_at} for sid, revoked_at in page.ended
            ],
            "cursor": str(page.next),
            "has_more": page.has_more,
            "access_token_seconds": int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
        }
        return Response(RevocationsSerializer(content).data, headers=headers)

    @override
    def get_authenticate_header(self, request: Request) -> str:
        return 'Basic realm="revocations"'

    @override
    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Vary"] = "Authorization"
        return response


def _cursor_in(request: Request) -> Cursor | None:
    texts = request.query_params.getlist("cursor")
    if not texts:
        return None
    try:
        [text] = texts
        return Cursor.parse(text)
    except ValueError as exc:
        error = ErrorDetail(str(_("Send the cursor of an answer.")), "invalid")
        raise ValidationError({"cursor": [error]}) from exc


def _etag(page: Page) -> str:
    listed = "".join(sid.hex for sid, _moment in page.ended) + str(page.has_more)
    return f'W/"{hashlib.sha256(listed.encode()).hexdigest()[:32]}"'
