"""Answer errors outside DRF: problem JSON for machines, a page for people.

Statuses and words stand in `api.problems`; here is only how they are shown.
"""

import sys
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.translation import override
from django.views.decorators.csrf import csrf_exempt

from accounts import routes
from accounts.errors import AccountExistsError, SessionEndedError
from accounts.request import is_app
from api import problems
from api.problems import Problem
from api.throttling import LimitReachedError
from config import languages

DATABASE_OUTAGES = (
    OperationalError,
    InterfaceError,
    InternalError,  # a database that can only be read, after a fail-over
)


def answer(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """Answer an error that our own code foresees. Returns None for a defect."""
    problem = problems.find(error)
    if problem is None:
        return None
    if isinstance(error, AccountExistsError):
        return _account_exists(request, error)
    if isinstance(error, SessionEndedError) and not routes.is_machine(request):
        return _back_to_login(request)
    response = respond(request, problem, error)
    if isinstance(error, LimitReachedError):
        for name, value in error.headers.items():
            response.headers[name] = value
    return response


def _account_exists(request: HttpRequest, error: AccountExistsError) -> HttpResponse:
    """Lead a browser to the page that proves the account, an app to the next call."""
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
    """Show the problem in the form that the caller can use, in the language that it asked for."""
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
    """Early middleware answers before LocaleMiddleware has chosen a language."""
    return getattr(request, "LANGUAGE_CODE", None) or languages.asked_for(request)


# Django's handlers


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, problems.BAD_REQUEST)


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, problems.FORBIDDEN)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, problems.NOT_FOUND)


def handler429(request: HttpRequest) -> HttpResponse:
    """allauth's rate limiter calls it for pages."""
    return respond(request, problems.TOO_MANY_REQUESTS)


def handler500(request: HttpRequest) -> HttpResponse:
    """Answer an error that nothing else answered: an outage, or else a defect."""
    error = sys.exc_info()[1]
    if isinstance(error, DATABASE_OUTAGES):
        return respond(request, problems.STORE_UNAVAILABLE)
    return answer(request, error) or respond(request, problems.SERVER_ERROR)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return respond(request, problems.CSRF_FAILED)


@csrf_exempt  # a 404 needs no proof, and an app has no CSRF token
def not_found(request: HttpRequest, **kwargs: str) -> HttpResponse:
    """A view for paths that a library offers and this site doesn't."""
    return respond(request, problems.NOT_FOUND)
