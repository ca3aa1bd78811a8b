"""Obtain tokens by a mailed code."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api import schema
from api.serializers.signin import CodeRequestSerializer, CodeSerializer, CodeTokenSerializer
from api.serializers.tokens import TokenPairSerializer
from api.signin import code
from api.tokens import delivery, jwts
from api.views.tokens import TokenAPIView


class TokenCodeView(TokenAPIView):
    is_stateless = False  # allauth's process keeps its state in a session

    @extend_schema(
        operation_id="token_code",
        request=CodeRequestSerializer,
        responses=CodeTokenSerializer,
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Mail a code to sign in with.

        The answer doesn't tell whether the address has an account. An address without one gets a
        mail that says so.
        """
        body = CodeRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        token = code.ask(request._request, **body.validated_data)  # noqa: SLF001
        return Response({"code_token": token, "expires_in": code.SECONDS})


class TokenCodeConfirmView(TokenAPIView):
    is_stateless = False  # as above

    @extend_schema(
        operation_id="token_code_confirm",
        request=CodeSerializer,
        responses={200: TokenPairSerializer, **schema.CODE_REFUSALS},
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Sign in with a mailed code.

        A wrong code answers 401 `invalid_code` with `tries_left`. A `code_token` signs in once.
        """
        body = CodeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        delivery.by_cookie(request)  # refuses a foreign page before anything is opened
        session = code.with_code(request._request, **body.validated_data)  # noqa: SLF001
        return delivery.respond(request, jwts.pair(session))
