"""Tell a gateway whether a request's credential is valid (nginx `auth_request`, Caddy, Traefik).

The answer is 204 with `X-Auth-Subject`, `X-Auth-Session`, `X-Auth-Scope` and `X-Auth-Kind`, or 401. It is 503
if this process can't tell whether the sign-in has ended, or can't read the signing keys.

A machine gets 403, because a gateway may only ask "signed in?". Gateways that let machines in ask another
address. It is no query and no header: Caddy and nginx pass on those of the client.

`config.wsgi` calls `answer` for requests with a Bearer token, without Django's middleware: a tenth
of the time of a Django view. `view` is the Django view. It takes session cookies, which need the
middleware, and also Bearer tokens, for servers that don't use `config.wsgi`.
"""

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
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

USER, SERVICE = "user", "service"


def answers(environ: dict[str, Any]) -> bool:
    """Return True for a GET or HEAD of one of the two addresses with a Bearer token: `answer` takes it."""
    return (
        environ["PATH_INFO"] in _paths()
        and environ["REQUEST_METHOD"] in SAFE
        and bearer_in(environ) is not None
    )


@cache
def _paths() -> tuple[str, str]:
    """Return the address for people, and the one for people and machines."""
    return reverse("api:verify"), reverse("api:verify-services")


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
        if token.is_service and environ["PATH_INFO"] != _paths()[1]:
            start_response("403 Forbidden", [*_always(), ("Content-Length", "0")])
        else:
            start_response("204 No Content", [*_always(), *_about(token).items()])
    finally:
        # The first request reads the keys. Django does this only at the end of its own requests.
        database = connections[DEFAULT_DB_ALIAS]  # `connection` would look it up three times
        if database.connection is not None and not database.in_atomic_block:
            database.close_if_unusable_or_obsolete()
    return []


@csrf_exempt  # other methods get 405
def view(request: HttpRequest, *, services: bool = False) -> HttpResponse:
    """Answer a request with a session cookie or a Bearer token, of machines only with `services`.

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
            token = verified(credentials)
        except InvalidToken:
            return _refused(f'{REALM}, error="invalid_token"')
        if token.is_service and not services:
            return HttpResponse(status=403, headers={"Cache-Control": "no-store"})
        about = _about(token)
    elif (session := cast("Request", request).auth_session) and session.user:
        about = _headers(str(session.user_id), str(session.pk), claims.scope_of(session.user), USER)
    else:
        return _refused(REALM)
    return HttpResponse(status=204, headers={"Cache-Control": "no-store", **about})


def _always() -> list[tuple[str, str]]:
    return [("Cache-Control", "no-store"), *settings.SECURITY_HEADERS.items()]


def _about(token: "AccessJWT") -> dict[str, str]:
    kind = SERVICE if token.is_service else USER
    return _headers(token["sub"], token["sid"], token["scope"], kind)


def _headers(subject: str, sid: str, scope: str, kind: str) -> dict[str, str]:
    # Never empty: a gateway that skips empty values would pass on the client's own header.
    return {
        "X-Auth-Subject": subject,
        "X-Auth-Session": sid,
        "X-Auth-Scope": scope or "none",
        "X-Auth-Kind": kind,
    }


def _refused(challenge: str) -> HttpResponse:
    return HttpResponse(
        status=401, headers={"Cache-Control": "no-store", "WWW-Authenticate": challenge}
    )
