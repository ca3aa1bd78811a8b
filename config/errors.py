"""Answer errors outside DRF: problem JSON for programs, a page for people.

`api.problems` holds the statuses and texts; this module only shows them.
"""

import sys
from http import HTTPStatus
from typing import Any, cast

from allauth.core.exceptions import RateLimited, ReauthenticationRequired
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.csrf import csrf_exempt
from structlog.contextvars import bind_contextvars

from accounts import libpq, routes
from accounts.errors import (
    AccountExistsError,
    FreshProofRequiredError,
    InvitedOtherEmailError,
    SessionEndedError,
    TooManyRequestsError,
)
from accounts.pages import expired, parking, waiting, waits
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
    """Return the answer for an error with a row in `api.problems`; None for any other, a defect."""
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
    if isinstance(error, RateLimited):
        return handler429(request)
    again = expired.way_back(request) if problem.status == HTTPStatus.TOO_MANY_REQUESTS else ""
    if isinstance(error, InvitedOtherEmailError):
        again = reverse("account_signup")
    response = respond(request, problem, error, again=again)
    if isinstance(error, LimitReachedError):
        for name, value in error.headers.items():
            response.headers[name] = value
    return response


def _account_exists(request: HttpRequest, error: AccountExistsError) -> HttpResponse:
    """Redirect a browser to the page that proves the account. Answer 409 to a program.

    An app gets the token of its session, which holds the link.
    """
    if not routes.is_machine(request):
        return redirect("accounts:social-link")
    token = error.session.session_key if is_app(request) else None
    members: dict[str, Any] = {"meta": {"session_token": token}} if token else {}
    return respond(request, problems.ACCOUNT_EXISTS, error, **members)


def _back_to_login(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return redirect_to_login(request.get_full_path())
    if routes.stated(request, "shown_on"):
        return redirect_to_login(expired.page_to_open_again(request))
    return redirect(settings.LOGIN_URL)


def respond(
    request: HttpRequest,
    problem: Problem,
    error: BaseException | None = None,
    *,
    again: str = "",
    **members: Any,
) -> HttpResponse:
    """Show the problem in the caller's form (JSON or page) and language.

    A page links to the address `again`; JSON also has the `members`.
    """
    response: HttpResponse
    bind_contextvars(reason=problem.code)  # for the request's log line
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
                context = {"problem": problem, "again": again, "wait": _wait(problem)}
                page: str = render_to_string("error.html", context, request)
            except Exception:  # noqa: BLE001 - Redis or the database may fail here, too
                page = f"<!doctype html><title>{problem.title}</title><h1>{problem.title}</h1>"
            response = HttpResponse(page, status=problem.status)
    for name, value in problems.headers(problem, error).items():
        response.headers[name] = value
    response["Content-Language"] = language
    patch_vary_headers(response, ["Accept-Language"])
    return response


def _wait(problem: Problem) -> str:
    """Return the sentence that counts down until the next attempt, or ''."""
    if problem.status != HTTPStatus.TOO_MANY_REQUESTS or problem.retry_seconds is None:
        return ""
    return waiting.in_sentence(_("Try again in %(wait)s."), problem.retry_seconds)


def _language(request: HttpRequest) -> str:
    """Return the request's language, even before LocaleMiddleware has chosen one."""
    return getattr(request, "LANGUAGE_CODE", None) or languages.asked_for(request)


# Django's handlers


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, problems.BAD_REQUEST)


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, problems.FORBIDDEN)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, problems.NOT_FOUND)


def method_not_allowed(request: HttpRequest, refusal: HttpResponse) -> HttpResponse:
    """Answer 405 with a page or a problem. Browsers would show a page of their own for an empty answer."""
    if routes.is_machine(request):
        return refusal
    response = respond(request, problems.PAGE_NEEDS_FORM)
    response["Allow"] = refusal["Allow"]
    return response


def handler429(request: HttpRequest) -> HttpResponse:
    """Answer a request over allauth's rate limit. allauth calls it."""
    error = TooManyRequestsError(waits.noted(request) or waits.UNKNOWN)
    return cast("HttpResponse", answer(request, error))


def handler500(request: HttpRequest) -> HttpResponse:
    """Answer an exception that no middleware answered: an outage, or else a defect."""
    error = sys.exc_info()[1]
    if isinstance(error, DATABASE_OUTAGES):
        libpq.replace_lost()
        return respond(request, problems.STORE_UNAVAILABLE)
    return answer(request, error) or respond(request, problems.SERVER_ERROR)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without a good CSRF token: redirect to a new form, or show a page with the cause."""
    if routes.is_machine(request):
        return respond(request, problems.CSRF_FAILED)
    if answer := expired.lead_on(request, reason):
        return answer
    problem = problems.CSRF_FAILED
    if expired.is_without_cookies(reason):
        problem = problems.COOKIES_BLOCKED
    elif request.headers.get("Origin") == "null":
        problem = problems.ORIGIN_HIDDEN
    return respond(request, problem, again=expired.page_to_open_again(request))


@csrf_exempt  # a 404 needs no proof, and an app has no CSRF token
def not_found(request: HttpRequest, **kwargs: str) -> HttpResponse:
    """Answer 404. A view for the paths of a library's pages that this site doesn't offer."""
    return respond(request, problems.NOT_FOUND)
