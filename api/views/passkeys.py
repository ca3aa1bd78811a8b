"""Obtain tokens by a passkey."""

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.store import counters
from api import schema
from api.serializers.passkeys import (
    PasskeyOptionsAnswerSerializer,
    PasskeyOptionsSerializer,
    PasskeySerializer,
)
from api.serializers.tokens import TokenPairSerializer
from api.signin import passkey
from api.tokens import delivery, jwts
from api.views.tokens import TokenAPIView


class TokenPasskeyOptionsView(TokenAPIView):
    is_stateless = False  # an `mfa_token` holds a session
    limit = counters.limit("passkey_start")

    @extend_schema(
        operation_id="token_passkey_options",
        request=PasskeyOptionsSerializer,
        responses={200: PasskeyOptionsAnswerSerializer, **schema.PASSKEY_OPTIONS_REFUSALS},
        examples=[
            OpenApiExample("A sign-in", value={}, request_only=True),
            OpenApiExample("A second step", value={"mfa_token": "gAAAAABn…"}, request_only=True),
            OpenApiExample("A challenge", value=schema.CHALLENGE, response_only=True),
        ],
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Ask for a challenge that a passkey answers.

        Without a body's `mfa_token` it is for a sign-in, and the same for all callers: it names no
        account. With it, it is for the second step, and names the passkeys of that account. A
        challenge works once.
        """
        body = PasskeyOptionsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = passkey.ask(request._request, **body.validated_data)  # noqa: SLF001
        return Response({"public_key": asked, "expires_in": passkey.SECONDS})


class TokenPasskeyView(TokenAPIView):
    is_stateless = False  # allauth's login pipeline keeps its stages in a session

    @extend_schema(
        operation_id="token_passkey",
        request=PasskeySerializer,
        responses={200: TokenPairSerializer, **schema.PASSKEY_REFUSALS},
        examples=[
            OpenApiExample("An answer", value={"credential": schema.ASSERTION}, request_only=True)
        ],
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Sign in with the answer of a passkey to a challenge.

        A passkey counts as both steps. A refused answer uses the challenge up.
        """
        body = PasskeySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        delivery.by_cookie(request)  # refuses a foreign page before anything is opened
        session = passkey.with_credential(request._request, **body.validated_data)  # noqa: SLF001
        return delivery.respond(request, jwts.pair(session))
