"""Tell a gateway whether a request's credential is valid (nginx `auth_request`, Caddy, Traefik).

The answer is 204 with `X-Auth-Subject`, `X-Auth-Session`, `X-Auth-Scope` and `X-Auth-Kind`, or 401. It is 503
if this process can't tell whether the sign-in has ended, or can't read the signing keys.

A machine gets 403, because a gateway may only ask "signed in?". Gateways that let machines in ask another
address. It is no query and no header: Caddy and nginx pass on those of the client.

`config.gate` gives the good answers, without Django. The view gives all others.
"""

from typing import TYPE_CHECKING, Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from typing_extensions import override

from api.tokens import claims
from api.tokens.jwts import AccessJWT

if TYPE_CHECKING:
    from accounts.signins.models import AuthSession

USER, SERVICE = "user", "service"


class VerifyView(APIView):
    accepts_services = False

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        if isinstance(request.auth, AccessJWT):
            about = of_token(request.auth)
        else:
            about = of_session(cast("AuthSession", request.auth))
        return Response(status=204, headers={"Cache-Control": "no-store", **about})

    @override
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse other methods first: a POST by cookie would be asked for a CSRF token."""
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)

    @override
    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Take any `Accept`: the gateway passes on that of a page or a picture."""
        return super().perform_content_negotiation(request, force=True)


def of_token(token: AccessJWT) -> dict[str, str]:
    kind = SERVICE if token.is_service else USER
    return _headers(token["sub"], token["sid"], token["scope"], kind)


def of_session(session: "AuthSession") -> dict[str, str]:
    return _headers(str(session.user_id), str(session.pk), claims.scope_of(session.user), USER)


def _headers(subject: str, sid: str, scope: str, kind: str) -> dict[str, str]:
    # Never empty: a gateway that skips empty values would pass on the client's own header.
    return {
        "X-Auth-Subject": subject,
        "X-Auth-Session": sid,
        "X-Auth-Scope": scope or "none",
        "X-Auth-Kind": kind,
    }
