"""Errors that Django itself raises, answered by path: problem JSON for machines, a page for people.

Problem details follow RFC 9457. `code` is stable: clients branch on it. `title` and `detail` are
translated by Accept-Language.
"""

import sys
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.functional import Promise
from django.utils.translation import get_language_from_request, override
from django.utils.translation import gettext_lazy as _
from structlog.contextvars import get_contextvars

from accounts.errors import RevocationsStaleError
from accounts.store import outage
from api.signin.headless import session_token

MACHINE_PATHS = (
    *("/api/", "/_allauth/", "/.well-known/"),
    *("/accounts/google/security-events/", "/accounts/kakao/unlinked/"),
)
RETRY_SECONDS = 3


UNAVAILABLE = (
    *outage.STORE_ERRORS,
    RevocationsStaleError,
    OperationalError,
    InterfaceError,
    InternalError,  # a database that can only be read, after a fail-over
)
"""Outages, which aren't defects."""


@dataclass(frozen=True)
class Problem:
    """One kind of error: HTTP status, stable code, and words for people."""

    status: int
    code: str
    title: str | Promise
    detail: str | Promise


BAD_REQUEST = Problem(
    400,
    "bad_request",
    _("Bad request"),
    _("The request could not be understood. Check it and try again."),
)
MALFORMED_JSON = Problem(
    400,
    "parse_error",
    _("Malformed JSON"),
    _("The body isn't JSON in UTF-8. Check it and try again."),
)
CSRF_FAILED = Problem(
    403,
    "csrf_failed",
    _("This form has expired"),
    _("For your safety the form was not sent. Reload the page and try again."),
)
FORBIDDEN = Problem(
    403,
    "forbidden",
    _("No access"),
    _("Your account may not open this page."),
)
NOT_FOUND = Problem(
    404,
    "not_found",
    _("Not found"),
    _("There is nothing at this address. It may have moved."),
)
BODY_TOO_LARGE = Problem(
    413,
    "body_too_large",
    _("Too large"),
    _("The request is larger than the site accepts. Send less."),
)
CONFLICT = Problem(
    409,
    "conflict",
    _("Somebody was faster"),
    _("The same thing was asked for twice at once. Please try again."),
)
ACCOUNT_EXISTS = Problem(
    409,
    "account_exists",
    _("An account with this email exists"),
    _(
        "Show that it is yours, and the provider will be connected: an app signs in at "
        "/_allauth/app/v1/auth/login with this answer's session token, a browser opens "
        "/accounts/3rdparty/link/."
    ),
)
SESSION_ENDED = Problem(
    401,
    "session_ended",
    _("You were signed out"),
    _("Your sign-in ended while this was under way. Please sign in again."),
)
PROVIDER_UNAVAILABLE = Problem(
    503,
    "provider_unavailable",
    _("The other site doesn't answer"),
    _("Nothing was changed. Please try again in a minute, or sign in with your email."),
)
TOO_MANY_REQUESTS = Problem(
    429,
    "too_many_requests",
    _("Too many attempts"),
    _("Please wait a few minutes, then try again."),
)
SERVER_ERROR = Problem(
    500,
    "server_error",
    _("Something went wrong"),
    _("The error was recorded. Please try again in a moment."),
)
STORE_UNAVAILABLE = Problem(
    503,
    "store_unavailable",
    _("Sign-in is briefly unavailable"),
    _("You have not been signed out. Please try again in a few seconds."),
)


def body(problem: Problem, **members: Any) -> dict[str, Any]:
    """The problem as RFC 9457 members; extension members as keywords."""
    return {
        "type": "about:blank",
        "title": str(problem.title),
        "status": problem.status,
        "detail": str(problem.detail),
        "code": problem.code,
        "request_id": get_contextvars().get("request_id", ""),
        **members,
    }


def respond(request: HttpRequest, problem: Problem, **members: Any) -> HttpResponse:
    """The problem in the form that the caller can use, in the language it asked for."""
    response: HttpResponse
    language = _language(request)
    with override(language):
        if request.path.startswith(MACHINE_PATHS):
            response = JsonResponse(
                body(problem, **members),
                status=problem.status,
                content_type="application/problem+json",
            )
        else:
            try:
                page: str = render_to_string("error.html", {"problem": problem}, request)
            except Exception:  # noqa: BLE001 - an error page has no error page
                page = f"<!doctype html><title>{problem.title}</title><h1>{problem.title}</h1>"
            response = HttpResponse(page, status=problem.status)
    response["Cache-Control"] = "no-store"
    response["Content-Language"] = language
    patch_vary_headers(response, ["Accept-Language"])
    if problem in {STORE_UNAVAILABLE, PROVIDER_UNAVAILABLE}:
        response["Retry-After"] = str(RETRY_SECONDS)
    return response


def _language(request: HttpRequest) -> str:
    """Early middleware answers before LocaleMiddleware has chosen a language."""
    return getattr(request, "LANGUAGE_CODE", None) or get_language_from_request(request)


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, BAD_REQUEST)


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, FORBIDDEN)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, NOT_FOUND)


def handler429(request: HttpRequest) -> HttpResponse:
    """Called by allauth's rate limiter for pages."""
    return respond(request, TOO_MANY_REQUESTS)


def handler500(request: HttpRequest) -> HttpResponse:
    """An error that escaped may be an outage of Redis or the database, which isn't a defect."""
    error = sys.exc_info()[1]
    if isinstance(error, UNAVAILABLE):
        return respond(request, STORE_UNAVAILABLE)
    return respond(request, SERVER_ERROR)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return respond(request, CSRF_FAILED)


def conflict(request: HttpRequest) -> HttpResponse:
    """`CONFLICT_VIEW`: two requests raced for one thing, and this one lost."""
    return respond(request, CONFLICT)


def account_exists(request: HttpRequest) -> HttpResponse:
    """`ACCOUNT_EXISTS_VIEW`: the link is noted in the session, its proof comes next."""
    if not request.path.startswith(MACHINE_PATHS):
        return redirect("accounts:social-link")
    token = session_token(request)
    return respond(request, ACCOUNT_EXISTS, **({"meta": {"session_token": token}} if token else {}))


def provider_unavailable(request: HttpRequest) -> HttpResponse:
    """`PROVIDER_UNAVAILABLE_VIEW`: a provider gave no answer when it was asked."""
    return respond(request, PROVIDER_UNAVAILABLE)


def store_unavailable(request: HttpRequest) -> HttpResponse:
    """`STORE_UNAVAILABLE_VIEW`: the session store didn't answer. The cookie stays."""
    return respond(request, STORE_UNAVAILABLE)


def session_ended(request: HttpRequest) -> HttpResponse:
    """`SESSION_ENDED_VIEW`: the session was deleted while this request was under way."""
    if not request.path.startswith(MACHINE_PATHS):
        if request.method == "GET":
            return redirect_to_login(request.get_full_path())
        return redirect(settings.LOGIN_URL)
    response = respond(request, SESSION_ENDED)
    response["WWW-Authenticate"] = 'Bearer realm="api"'
    return response


def too_large(request: HttpRequest) -> HttpResponse:
    """`TOO_LARGE_VIEW`: what was sent would have to be kept in the session, and doesn't fit."""
    return respond(request, BODY_TOO_LARGE)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """`TOO_MANY_REQUESTS_VIEW`: one of our own limits, which knows when it ends."""
    return respond(request, TOO_MANY_REQUESTS)


def not_found(request: HttpRequest, **kwargs: str) -> HttpResponse:
    """A view for paths that a library offers and this site doesn't."""
    return respond(request, NOT_FOUND)
