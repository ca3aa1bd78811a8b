"""Exchange a token of the former site."""

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.serializers.signin import ExchangeSerializer
from api.serializers.tokens import TokenPairSerializer
from api.signin import legacy
from api.tokens import delivery, jwts
from api.views.tokens import TokenAPIView


class TokenExchangeView(TokenAPIView):
    is_stateless = False  # allauth's login pipeline keeps its stages in a session

    @extend_schema(
        operation_id="token_exchange",
        request=ExchangeSerializer,
        responses=TokenPairSerializer,
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Exchange a refresh token of the former site for a pair, once.

        The names are those of OAuth's token exchange (RFC 8693). The answer is 404 unless the operator has
        set this up.
        """
        if not settings.LEGACY_TOKEN_KEY:
            raise Http404
        body = ExchangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        delivery.by_cookie(request)  # refuses a foreign page before anything is opened
        token = body.validated_data["subject_token"]
        session = legacy.with_token(request._request, token=token)  # noqa: SLF001
        return delivery.respond(request, jwts.pair(session))
