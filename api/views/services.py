"""Give machines access tokens for their API keys (RFC 6749 §4.4)."""

from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response
from structlog.contextvars import bind_contextvars
from typing_extensions import override

from accounts.store import counters
from api import clients
from api.exceptions import ClientRefused
from api.serializers.tokens import ServiceTokenRequestSerializer, ServiceTokenSerializer
from api.tokens import jwts
from api.views.tokens import OAuthAPIView

GRANT = "client_credentials"


class ServiceTokenView(OAuthAPIView):
    limit = counters.limit("introspect")
    counts_refusals = True
    parser_classes = (FormParser,)

    @extend_schema(
        operation_id="token_service",
        request={"application/x-www-form-urlencoded": ServiceTokenRequestSerializer},
        responses=ServiceTokenSerializer,
        tags=["tokens"],
    )
    def post(self, request: Request) -> Response:
        """Give a machine a short access token (RFC 6749 §4.4). Needs the API key by HTTP Basic.

        There is no refresh token: ask again. The token has the words of `scope` that were asked for, or all
        of the key's.
        """
        key = clients.key_of(request.META.get("HTTP_AUTHORIZATION", ""))
        if key is None:
            raise ClientRefused
        bind_contextvars(client_id=str(key.pk))
        if _one(request, "grant_type") != GRANT:
            _refuse("grant_type", _("Send client_credentials."), "unsupported_grant_type")
        words = _one(request, "scope").split() or key.words
        if not set(words) <= set(key.words):
            _refuse("scope", _("The key doesn't have this scope."), "invalid_scope")
        token = jwts.AccessJWT.for_key(key, list(dict.fromkeys(words)))
        content = {
            "access_token": str(token),
            "token_type": "Bearer",
            "expires_in": token["exp"] - token["iat"],
            "scope": token["scope"],
        }
        return Response(ServiceTokenSerializer(content).data)

    @override
    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        if isinstance(exc, ValidationError) and isinstance(exc.detail, dict):
            codes = {str(code) for named in exc.get_codes().values() for code in named}  # type: ignore[union-attr]  # a dict, as the detail
            response.data["error"] = next(iter(codes & ERRORS), "invalid_request")
        return response

    @override
    def get_authenticate_header(self, request: Request) -> str:
        return 'Basic realm="api-keys"'


ERRORS = {"unsupported_grant_type", "invalid_scope"}


def _one(request: Request, name: str) -> str:
    """Return the value of this parameter, or ''. Raises `ValidationError` if it is sent twice."""
    # Of an empty body it is a plain dict.
    values = request.data.getlist(name) if isinstance(request.data, QueryDict) else []
    if len(values) > 1:
        _refuse(name, _("Send this once."), "repeated")
    return str(values[0]) if values else ""


def _refuse(name: str, text: Any, code: str) -> None:
    raise ValidationError({name: [ErrorDetail(str(text), code)]})
