"""Tell a gateway whether a request's credential is valid (nginx `auth_request`, Caddy, Traefik).

The answer is 204 with `X-Auth-Subject`, `X-Auth-Session` and `X-Auth-Scope`, or 401. It is 503 if
this process can't tell whether the sign-in has ended, or can't read the signing keys.

`config.wsgi` calls `answer` for requests with a Bearer token, without Django's middleware: a tenth
of the time of a Django view. `view` is the Django view. It takes session cookies, which need the
middleware, and also Bearer tokens, for servers that don't use `config.wsgi`.
"""

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from rest_framework.exceptions import MethodNotAllowed

from accounts.errors import RevocationsStaleError
from api import problems
from api.authentication import SAFE, bearer_in, verified
from api.exceptions import InvalidToken, described
from api.problems import REALM
from api.tokens import claims

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

    from accounts.request import Request
    from api.tokens.jwts import AccessJWT


def answers(environ: dict[str, Any]) -> bool:
    """Return True for a GET or HEAD of `/api/verify` with a Bearer token: `answer` takes it."""
    return (
        environ["PATH_INFO"] == _path()
        and environ["REQUEST_METHOD"] in SAFE
        and bearer_in(environ) is not None
    )


@cache
def _path() -> str:
    return reverse("api:verify")


def answer(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Answer a request with a Bearer token as a WSGI application does. The body is empty."""
    try:
        token = verified(bearer_in(environ) or "")
    except InvalidToken:
        headers = [*_always(), ("WWW-Authenticate", f'{REALM}, error="invalid_token"')]
        start_response("401 Unauthorized", [*headers, ("Content-Length", "0")])
    except (RevocationsStaleError, DatabaseError):
        retry = problems.headers(problems.STORE_UNAVAILABLE).items()
        headers = [*settings.SECURITY_HEADERS.items(), *retry, ("Content-Length", "0")]
        start_response("503 Service Unavailable", headers)
    else:
        start_response("204 No Content", [*_always(), *_about(token).items()])
    finally:
        # The first request reads the keys. Django does this only at the end of its own requests.
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
    return []


def view(request: HttpRequest) -> HttpResponse:
    """Answer a request with a session cookie or a Bearer token.

    Raises `RevocationsStaleError` and `DatabaseError`, which end in a 503.
    """
    if request.method not in SAFE:
        return JsonResponse(
            described(MethodNotAllowed(str(request.method))),
            status=405,
            content_type=problems.CONTENT_TYPE,
            headers={"Allow": "GET, HEAD"},
        )
    credentials = bearer_in(request.META)
    if credentials is not None:
        try:
            about = _about(verified(credentials))
        except InvalidToken:
            return _refused(f'{REALM}, error="invalid_token"')
    elif (session := cast("Request", request).auth_session) and session.user:
        about = _headers(str(session.user_id), str(session.pk), claims.scope_of(session.user))
    else:
        return _refused(REALM)
    return HttpResponse(status=204, headers={"Cache-Control": "no-store", **about})


def _always() -> list[tuple[str, str]]:
    return [("Cache-Control", "no-store"), *settings.SECURITY_HEADERS.items()]


def _about(token: "AccessJWT") -> dict[str, str]:
    return _headers(token["sub"], token["sid"], token["scope"])


def _headers(subject: str, sid: str, scope: str) -> dict[str, str]:
    # Never empty: a gateway that skips empty values would pass on the client's own header.
    return {"X-Auth-Subject": subject, "X-Auth-Session": sid, "X-Auth-Scope": scope or "none"}


def _refused(challenge: str) -> HttpResponse:
    return HttpResponse(
        status=401, headers={"Cache-Control": "no-store", "WWW-Authenticate": challenge}
    )
