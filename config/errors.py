"""Answer errors outside DRF: problem JSON for programs, a page for people.

`api.problems` holds the statuses and texts; this module only shows them.
"""

import sys
from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language_from_request, override

from accounts import routes
from accounts.errors import AccountExistsError, FreshProofRequiredError, SessionEndedError
from accounts.pages import parking
from accounts.request import is_app
from api import problems
from api.problems import Problem
from api.throttling import LimitReachedError

DATABASE_OUTAGES = (
    OperationalError,
    InterfaceError,
    InternalError,  # a database that can only be read, after a fail-over
)


def answer(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """Answer an error from the table in `api.problems`. Returns None for any other: a defect."""
    problem = problems.find(error)
    if problem is None:
        return None
    if isinstance(error, AccountExistsError):
        return _account_exists(request, error)
    if not routes.is_machine(request):
        if isinstance(error, SessionEndedError):
            return _back_to_login(request)
        if isinstance(error, FreshProofRequiredError | ReauthenticationRequired):
            return parking.ask(request)
    response = respond(request, problem, error)
    if isinstance(error, LimitReachedError):
        for name, value in error.headers.items():
            response.headers[name] = value
    return response


def _account_exists(request: HttpRequest, error: AccountExistsError) -> HttpResponse:
    """Redirect a browser to the page that proves the account. Give an app a session token."""
    if not routes.is_machine(request):
        return redirect("accounts:social-link")
    token = error.session.session_key if is_app(request) else None
    members = {"meta": {"session_token": token}} if token else {}
    return respond(request, problems.ACCOUNT_EXISTS, error, **members)


def _back_to_login(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return redirect_to_login(request.get_full_path())
    return redirect(settings.LOGIN_URL)


def respond(
    request: HttpRequest, problem: Problem, error: BaseException | None = None, **members: Any
) -> HttpResponse:
    """Show the problem in the caller's form (JSON or page) and language."""
    response: HttpResponse
    language = _language(request)
    with override(language):
        if routes.is_machine(request):
            response = JsonResponse(
                problems.body(problem, **members),
                status=problem.status,
                content_type=problems.CONTENT_TYPE,
            )
        else:
            try:
                page: str = render_to_string("error.html", {"problem": problem}, request)
            except Exception:  # noqa: BLE001 - Redis or the database may fail here, too
                page = f"<!doctype html><title>{problem.title}</title><h1>{problem.title}</h1>"
            response = HttpResponse(page, status=problem.status)
    for name, value in problems.headers(problem, error).items():
        response.headers[name] = value
    response["Content-Language"] = language
    patch_vary_headers(response, ["Accept-Language"])
    return response


def _language(request: HttpRequest) -> str:
    """Return the request's language, also if LocaleMiddleware hasn't chosen one yet."""
    return getattr(request, "LANGUAGE_CODE", None) or get_language_from_request(request)


# Django's handlers


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, problems.BAD_REQUEST)


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, problems.FORBIDDEN)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, problems.NOT_FOUND)


def handler429(request: HttpRequest) -> HttpResponse:
    """Answer a page over its rate limit. allauth's rate limiter calls it."""
    return respond(request, problems.TOO_MANY_REQUESTS)


def handler500(request: HttpRequest) -> HttpResponse:
    """Answer an exception that no middleware answered: an outage, or else a defect."""
    error = sys.exc_info()[1]
    if isinstance(error, DATABASE_OUTAGES):
        return respond(request, problems.STORE_UNAVAILABLE)
    return answer(request, error) or respond(request, problems.SERVER_ERROR)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return respond(request, problems.CSRF_FAILED)


def not_found(request: HttpRequest, **kwargs: str) -> HttpResponse:
    """Answer 404. Serves the paths of a library that this site doesn't offer."""
    return respond(request, problems.NOT_FOUND)
