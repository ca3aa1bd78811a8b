"""Obtain, refresh, verify, revoke and introspect tokens."""

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from accounts.request import client_of
from accounts.signins import sessions
from accounts.store import counters
from api import clients, schema
from api.authentication import verified
from api.exceptions import ClientRefused, InvalidToken
from api.parsers import JSONParser
from api.problems import REALM
from api.serializers.passkeys import SecondStepSerializer
from api.serializers.signin import CredentialsSerializer, SocialTokenSerializer
from api.serializers.tokens import (
    IntrospectionSerializer,
    PresentedTokenSerializer,
    RefreshSerializer,
    TokenPairSerializer,
    VerifySerializer,
)
from api.signin import password, second_step, social
from api.tokens import delivery, exchange, introspection, jwts, retry_keys


class TokenAPIView(APIView):
    """Base of endpoints that sign in or take a token in the body.

    Ignores the credentials in the headers, which may be stale. No answer is cached.
    """

    authentication_classes = ()
    permission_classes = ()
    is_stateless = True

    @override
    def get_authenticate_header(self, request: Request) -> str:
        return REALM

    @override
    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response


class TokenObtainView(TokenAPIView):
    is_stateless = False  # allauth's login pipeline keeps its stages in a session

    @extend_schema(
        operation_id="token_obtain",
        request=CredentialsSerializer,
        responses=TokenPairSerializer,
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Sign in with email and password."""
        credentials = CredentialsSerializer(data=request.data)
        credentials.is_valid(raise_exception=True)
        delivery.by_cookie(request)  # refuses a foreign page before anything is opened
        session = password.with_password(request._request, **credentials.validated_data)  # noqa: SLF001
        return delivery.respond(request, jwts.pair(session))


class TokenSecondStepView(TokenAPIView):
    is_stateless = False  # as above

    @extend_schema(
        operation_id="token_mfa",
        request=SecondStepSerializer,
        responses={200: TokenPairSerializer, **schema.SECOND_STEP_REFUSALS},
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Finish a sign-in that was answered with 401 `mfa_required`.

        Send a `code`, or the `credential` of a passkey. A wrong one doesn't use the `mfa_token` up.
        After some wrong ones the answer is 429 with `Retry-After`.
        """
        body = SecondStepSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        delivery.by_cookie(request)  # refuses a foreign page before anything is opened
        session = second_step.finish(request._request, **body.validated_data)  # noqa: SLF001
        return delivery.respond(request, jwts.pair(session))


class TokenSocialView(TokenAPIView):
    is_stateless = False  # as above

    @extend_schema(
        operation_id="token_social",
        request=SocialTokenSerializer,
        responses=TokenPairSerializer,
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Sign in with a token from a provider's SDK in a native app.

        The first sign-in makes an account, if the provider says that the email is verified. Each
        token signs in once.
        """
        body = SocialTokenSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        delivery.by_cookie(request)  # refuses a foreign page before anything is opened
        token = dict(body.validated_data)
        provider = token.pop("provider")
        session = social.with_token(request._request, provider=provider, token=token)  # noqa: SLF001
        return delivery.respond(request, jwts.pair(session))


class TokenRefreshView(TokenAPIView):
    @extend_schema(
        operation_id="token_refresh",
        parameters=[schema.RETRY_KEY],
        request=RefreshSerializer,
        responses={200: TokenPairSerializer, **schema.REFRESH_REFUSALS},
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for the next pair.

        Each token is for one use. Make an `Idempotency-Key` and store it before the call: the same
        token with the same key gets the same successor until that is used, however late. Without a
        key it does so within a minute, at most 32 times. Later, or with another key, the sign-in
        ends.
        """
        body = RefreshSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        client = client_of(request._request)  # noqa: SLF001
        presented = body.validated_data["refresh"]
        cookie = "" if presented else delivery.cookie(request)
        access = body.validated_data["access"]
        retry_key = retry_keys.find(
            request.headers.get(retry_keys.HEADER), body.validated_data.get(retry_keys.MEMBER)
        )
        try:
            pair = exchange.next_pair(
                presented or cookie, access=access, retry_key=retry_key, client=client
            )
        except InvalidToken as exc:
            refusal = self.handle_exception(exc)
            if cookie:  # the token is useless now: the browser must not send it again
                delivery.forget(refusal)
            return refusal
        return delivery.respond(request, pair)


class TokenVerifyView(TokenAPIView):
    @extend_schema(
        operation_id="token_verify",
        request=VerifySerializer,
        responses={200: OpenApiResponse(description="The access token is good.")},
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Answer 200 if this access token is valid at this moment, and 401 if not."""
        body = VerifySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        verified(body.validated_data["token"])
        return Response({})


OAUTH_ERRORS = {400, 401, 415}
"""Statuses for which RFC 6749 §5.2 has a code. It has none for wrong methods, limits and outages."""


class OAuthAPIView(TokenAPIView):
    """An endpoint of an OAuth standard: its errors also have the `error` of RFC 6749 §5.2."""

    @override
    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        if response.status_code in OAUTH_ERRORS:
            is_client = isinstance(exc, ClientRefused)
            response.data["error"] = "invalid_client" if is_client else "invalid_request"
        return response


class TokenRevokeView(OAuthAPIView):
    parser_classes = (FormParser, JSONParser)

    @extend_schema(
        operation_id="token_revoke",
        request={
            "application/x-www-form-urlencoded": PresentedTokenSerializer,
            "application/json": PresentedTokenSerializer,
        },
        responses={200: OpenApiResponse(description="The token is worthless now.")},
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Sign out (RFC 7009): end the sign-in of this access or refresh token.

        The answer is 200 also for a token that is unknown or no longer valid (RFC 7009 §2.2).
        """
        token = _token_in(request, default=delivery.cookie(request))
        if token is None and delivery.by_cookie(request):
            return Response()  # signed out already
        body = VerifySerializer(data={"token": token})
        body.is_valid(raise_exception=True)
        sid = jwts.sid_in(body.validated_data["token"])
        if sid is not None:
            sessions.sign_out(sid, client=client_of(request._request))  # noqa: SLF001
        response = Response()
        if delivery.by_cookie(request):
            delivery.forget(response)
        return response


class TokenIntrospectView(OAuthAPIView):
    limit = counters.limit("introspect")
    counts_refusals = True
    parser_classes = (FormParser,)

    @extend_schema(
        operation_id="token_introspect",
        request={"application/x-www-form-urlencoded": PresentedTokenSerializer},
        responses=IntrospectionSerializer,
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Tell a service whether a token is valid, and its claims (RFC 7662). Needs HTTP Basic."""
        client_id = clients.authenticate(request.META.get("HTTP_AUTHORIZATION", ""))
        if client_id is None:
            raise ClientRefused
        body = VerifySerializer(data={"token": _token_in(request)})
        body.is_valid(raise_exception=True)
        return Response(introspection.introspect(body.validated_data["token"], client_id=client_id))

    @override
    def get_authenticate_header(self, request: Request) -> str:
        return 'Basic realm="introspection"'


PARAMETERS = ("token", "token_type_hint")
"""The parameters that these endpoints read. They ignore all others, also repeated ones."""


def _token_in(request: Request, default: str = "") -> Any:
    """Return the body's token, or else the default, or None. The token may be any JSON value.

    Raises `ValidationError` for a parameter that is sent twice (RFC 6749 §3.1).
    """
    if isinstance(request.data, QueryDict):
        repeated = [name for name in PARAMETERS if len(request.data.getlist(name)) > 1]
        if repeated:
            error = ErrorDetail(str(_("Send this once.")), "repeated")
            raise ValidationError({name: [error] for name in repeated})
    token = request.data.get("token") if isinstance(request.data, Mapping) else None
    return (default or None) if token is None else token
