"""Tokens: obtain, refresh, verify, revoke."""

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
from rest_framework_simplejwt.exceptions import TokenError
from typing_extensions import override

from accounts.federation.limits import SOCIAL
from accounts.request import client_of
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from accounts.store.counters import Limit
from api import clients
from api.authentication import verified
from api.exceptions import ClientRefused, InvalidToken
from api.parsers import JSONParser
from api.problems import REALM
from api.serializers import (
    CredentialsSerializer,
    IntrospectionSerializer,
    PresentedTokenSerializer,
    RefreshSerializer,
    SocialTokenSerializer,
    TokenPairSerializer,
    VerifySerializer,
)
from api.signin import password, social
from api.tokens import delivery, exchange, introspection, jwts


class TokenAPIView(APIView):
    """An endpoint to sign in by: it ignores a stale credential in a header.

    No answer about a token is cached.
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


class TokenSocialView(TokenAPIView):
    is_stateless = False  # as above
    limit = SOCIAL

    @extend_schema(
        operation_id="token_social",
        request=SocialTokenSerializer,
        responses=TokenPairSerializer,
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Sign in with what a provider's SDK gave a native app.

        The first sign-in makes an account, if the provider vouches for the email. A token signs in
        once.
        """
        body = SocialTokenSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        delivery.by_cookie(request)  # refuses a foreign page before anything is opened
        token = dict(body.validated_data)
        provider = token.pop("provider")
        session = social.with_token(request._request, provider=provider, token=token)  # noqa: SLF001
        return delivery.respond(request, jwts.pair(session))


class TokenRefreshView(TokenAPIView):
    limit = Limit("refresh", 120)

    @extend_schema(
        operation_id="token_refresh",
        request=RefreshSerializer,
        responses=TokenPairSerializer,
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for the next pair.

        The same token again within a minute gives the same successor; later it ends the sign-in.
        """
        body = RefreshSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        client = client_of(request._request)  # noqa: SLF001
        presented = body.validated_data["refresh"]
        cookie = "" if presented else delivery.cookie(request)
        access = body.validated_data["access"]
        try:
            pair = exchange.next_pair(presented or cookie, access=access, client=client)
        except InvalidToken as exc:
            refusal = self.handle_exception(exc)
            if cookie:  # it is worthless: the browser must not send it again
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
        """Is this access token good right now?"""
        body = VerifySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        verified(body.validated_data["token"])
        return Response({})


OAUTH_ERRORS = {400, 401, 415}
"""RFC 6749 §5.2 has words for what the caller sent, and none for methods, limits and outages."""


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
        """Sign out (RFC 7009): ends the sign-in of this access or refresh token.

        200 also for a token that is unknown or already dead (RFC 7009 §2.2).
        """
        token = _token_in(request, default=delivery.cookie(request))
        if token is None and delivery.by_cookie(request):
            return Response()  # signed out already
        body = VerifySerializer(data={"token": token})
        body.is_valid(raise_exception=True)
        session = _session_named_by(body.validated_data["token"])
        if session is not None:
            client = client_of(request._request)  # noqa: SLF001
            sessions.revoke(session, reason=sessions.Reason.LOGOUT, client=client)
        response = Response()
        if delivery.by_cookie(request):
            delivery.forget(response)
        return response


class TokenIntrospectView(OAuthAPIView):
    limit = Limit("introspect", 600)
    parser_classes = (FormParser,)

    @extend_schema(
        operation_id="token_introspect",
        request={"application/x-www-form-urlencoded": PresentedTokenSerializer},
        responses=IntrospectionSerializer,
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """What is this token worth right now (RFC 7662)? For services, by HTTP Basic."""
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
"""What these endpoints know. They ignore others, also repeated ones."""


def _token_in(request: Request, default: str = "") -> Any:
    """Return the body's token, or else the default. A JSON body may be anything, also a list.

    Raises `ValidationError` for a parameter that is sent twice (RFC 6749 §3.1).
    """
    if isinstance(request.data, QueryDict):
        repeated = [name for name in PARAMETERS if len(request.data.getlist(name)) > 1]
        if repeated:
            error = ErrorDetail(str(_("Send this once.")), "repeated")
            raise ValidationError({name: [error] for name in repeated})
    token = request.data.get("token") if isinstance(request.data, Mapping) else None
    return (default or None) if token is None else token


def _session_named_by(raw_token: str) -> AuthSession | None:
    """Return the sign-in of this token of either kind, expired or not. Its holder may give it up."""
    for kind in (jwts.RefreshJWT, jwts.AccessJWT):
        try:
            sid = kind(raw_token, verify=False).sid
        except TokenError:
            continue
        return AuthSession.objects.select_related("user").filter(pk=sid).first()
    return None
