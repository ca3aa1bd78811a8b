"""Prepare every request and answer: request id, log line, host, language, CORS, errors."""

import logging
import random
import re
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import SplitResult, urlsplit

import structlog
from allauth.headless.base.response import RateLimitResponse
from corsheaders import middleware as corsheaders
from django.conf import settings
from django.core.signals import got_request_exception
from django.http import (
    HttpRequest,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.middleware import common as django_common
from django.middleware import locale as django_locale
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.http import escape_leading_slashes
from structlog.contextvars import bind_contextvars, clear_contextvars
from typing_extensions import override

from accounts import metrics, routes
from accounts.pages import middleware as pages
from accounts.pages import once
from api import problems, throttling
from config import errors, languages, request_lines
from config.addresses import LOOPBACK, PORTS

if TYPE_CHECKING:
    from accounts.request import Request

log = structlog.get_logger()

SAFE = {"GET", "HEAD"}
SERVER_ERRORS = 500
REFUSALS = {HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
"""Many of these answers show an attack, so their log lines are warnings. (A 401 answers any old token.)"""
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class RequestIdMiddleware:
    """Give each request an id: the caller's `X-Request-ID` if it is safe, otherwise a new one.

    The answer, the log lines and problem JSON have the id. Other characters than letters, digits
    and dashes could forge log lines.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = request_id_of(request.META)
        # Clear first: the thread may still have the id of an earlier request.
        clear_contextvars()
        bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        return response


def request_id_of(environ: dict[str, Any]) -> str:
    """Return the caller's `X-Request-ID` if it is safe in log lines, otherwise a new id."""
    given: str = environ.get("HTTP_X_REQUEST_ID", "")
    return given if REQUEST_ID.fullmatch(given) else new_request_id()


def new_request_id() -> str:
    """Return a random UUID (version 4). `uuid4` takes three times as long, and these ids are no secret."""
    text = f"{random.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


class CanonicalHostMiddleware:
    """Set the request's host to that of `SITE_URL`, for links in mails and redirects.

    Otherwise a stranger could make the site send a reset mail whose link leads to another host or
    port. On a laptop, `http://127.0.0.1:8000` redirects to `http://localhost:8000`, which has the
    cookies.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        site, host = urlsplit(settings.SITE_URL), request.META.get("HTTP_HOST", "")
        if host != site.netloc and request.method in SAFE and _is_twin(host, site):
            return HttpResponseRedirect(settings.SITE_URL + request.get_full_path())
        request.get_host()  # refuses names that aren't in ALLOWED_HOSTS
        request.META["HTTP_HOST"] = site.netloc
        return self.get_response(request)


def _is_twin(host: str, site: SplitResult) -> bool:
    """Return True if both are names of this machine, and only the site's is in ALLOWED_HOSTS."""
    try:
        named = urlsplit(f"//{host}")
        same_port = (named.port or PORTS["http"]) == (site.port or PORTS[site.scheme])
    except ValueError:
        return False
    are_loopback = {named.hostname, site.hostname} <= LOOPBACK
    is_allowed = named.hostname in settings.ALLOWED_HOSTS
    return are_loopback and same_port and not is_allowed


class RequestLogMiddleware:
    """Measure each request, and log it in one line: `request_finished`, or `request_failed` with a stack trace.

    The line of a refusal has the `code` of its problem as `reason`. No line has the query, which may
    hold OAuth codes and states. `config.redaction` removes keys from paths.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        got_request_exception.connect(_note_exception)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        if metrics.REQUESTS.listener is not None:
            _measure(request, response.status_code, time.perf_counter() - began)
        failure = getattr(request, "failure", None)
        code, name = response.status_code, f"{request.method} {request.path}"
        level = _level(code)
        if level == logging.INFO and failure is None:
            request_lines.write(code=code, request=name)
        else:
            event = "request_failed" if failure else request_lines.EVENT
            log.log(level, event, code=code, request=name, exc_info=failure)
        return response


def _measure(request: HttpRequest, status: int, seconds: float) -> None:
    """Note the duration under the name of the route: never under the path, which a caller chose."""
    route = request.resolver_match.view_name if request.resolver_match else "none"
    metrics.REQUESTS.note(route, f"{status // 100}xx", amount=seconds)


def _level(status: int) -> int:
    if status >= SERVER_ERRORS:
        return logging.ERROR
    return logging.WARNING if status in REFUSALS else logging.INFO


def _note_exception(*, request: HttpRequest | None = None, **_: Any) -> None:
    """Keep the exception in the request for `RequestLogMiddleware`, which sees only a 500."""
    if request is not None:
        cast("Request", request).failure = sys.exc_info()[1]


class LocaleMiddleware(django_locale.LocaleMiddleware):
    """Choose the language as Django does, but don't look for a language in the path."""

    @override
    def process_request(self, request: HttpRequest) -> None:
        translation.activate(languages.asked_for(request))
        request.LANGUAGE_CODE = translation.get_language()

    @override
    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        patch_vary_headers(response, ["Accept-Language"])
        response.headers.setdefault("Content-Language", translation.get_language())
        return response


class CommonMiddleware(django_common.CommonMiddleware):
    """Redirect a path without its last slash to the path with it, whatever the method. A 204 has no length.

    Django raises an error for a POST under DEBUG, since its own redirect loses the body. Ours keeps
    it (`config.methods`).
    """

    @override
    def get_full_path_with_slash(self, request: HttpRequest) -> str:
        return escape_leading_slashes(request.get_full_path(force_append_slash=True))

    @override
    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        response = super().process_response(request, response)
        if response.status_code == HTTPStatus.NO_CONTENT:  # RFC 9110 §8.6
            response.headers.pop("Content-Length", None)
        return response


class CorsMiddleware(corsheaders.CorsMiddleware):
    """Let our frontends on other origins call addresses for programs (`routes.for_machines`)."""

    @override
    def is_enabled(self, request: HttpRequest) -> bool:
        if routes.stated(request, "is_for_frontends") is False:
            return False
        return routes.is_under_machine_prefix(request)

    @override
    def add_response_headers(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if "HTTP_ORIGIN" in request.META or not self.is_enabled(request):
            return super().add_response_headers(request, response)
        # No browser's call: spare it `request.headers`, a copy of everything that the caller sent.
        patch_vary_headers(response, ["origin"])
        return response


class ErrorMiddleware:
    """Answer the domain's errors that a view raises, and methods that it doesn't have.

    Give each 401 for a program the challenge that RFC 9110 §15.5.2 requires: allauth sends none.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed):
            return errors.method_not_allowed(request, response)
        if isinstance(response, RateLimitResponse):  # of allauth's headless API, which says no more
            return errors.handler429(request)
        if response.status_code == HTTPStatus.UNAUTHORIZED and routes.is_machine(request):
            response.headers.setdefault("WWW-Authenticate", problems.REALM)
        return response

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        return errors.answer(request, exception)


class Answering:
    """Answer the domain's errors that a middleware raises. Put it first among the base classes.

    Otherwise Django answers 500 to an exception from a middleware, and the log shows a defect.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            response: HttpResponseBase = super().__call__(request)  # type: ignore[misc]  # the other base
        except Exception as error:
            answer = errors.answer(request, error)
            if answer is None:
                raise
            return answer
        return response


class ThrottleMiddleware(Answering, throttling.ThrottleMiddleware):
    pass


class OnceMiddleware(Answering, once.OnceMiddleware):
    pass


class SessionMiddleware(Answering, pages.SessionMiddleware):
    pass
