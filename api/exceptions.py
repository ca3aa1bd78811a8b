"""DRF's exceptions, each with its row of `api.problems`, and the handler that answers with it."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import get_language
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from api import problems
from api.problems import Problem


class Refused(exceptions.AuthenticationFailed):
    """Base of our 401s: DRF adds the WWW-Authenticate that RFC 6750 §3 asks for."""

    problem: ClassVar[Problem]


class InvalidCredentials(Refused):
    """One answer for a wrong password, an unknown e-mail and a disabled account."""

    problem = problems.INVALID_CREDENTIALS


class EmailUnverified(Refused):
    problem = problems.EMAIL_UNVERIFIED


class LoginIncomplete(Refused):
    """The login pipeline needs a stage that this one-call endpoint can't walk."""

    problem = problems.LOGIN_INCOMPLETE


class ReauthenticationRequired(Refused):
    problem = problems.REAUTHENTICATION_REQUIRED


class ProviderTokenRefused(InvalidCredentials):
    """One answer for every bad token, and for a disabled account."""

    problem = problems.PROVIDER_TOKEN_REFUSED


class ProviderEmailUnverified(EmailUnverified):
    problem = problems.PROVIDER_EMAIL_UNVERIFIED


class ProviderLoginIncomplete(LoginIncomplete):
    problem = problems.PROVIDER_LOGIN_INCOMPLETE


class LinkTokenRefused(InvalidCredentials):
    """Also with the right password, nobody is signed in: the caller asked for both."""

    problem = problems.INVALID_LINK_TOKEN


class ClientRefused(Refused):
    problem = problems.INVALID_CLIENT


class InvalidToken(Refused):
    problem = problems.INVALID_TOKEN


class OriginRefused(exceptions.PermissionDenied):
    problem = problems.ORIGIN_REFUSED


class AccountExists(exceptions.APIException):
    """Raise only for a caller whose address the provider vouches for."""

    status_code = problems.ACCOUNT_EXISTS_FOR_TOKEN.status
    problem = problems.ACCOUNT_EXISTS_FOR_TOKEN

    def __init__(self, *, link_token: str, expires_in: int) -> None:
        super().__init__()
        self.members = {"link_token": link_token, "expires_in": expires_in}


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer with problem JSON. Returns None, which ends in a 500, for a defect."""
    response = _answer(exc, context)
    if response is None:
        return None
    # A problem is JSON, also where the view renders YAML or HTML.
    context["request"].accepted_renderer = JSONRenderer()
    context["request"].accepted_media_type = problems.CONTENT_TYPE
    response.content_type = problems.CONTENT_TYPE
    response["Content-Language"] = get_language() or "en"
    return response


def _answer(exc: Exception, context: dict[str, Any]) -> Response | None:
    # Views import the authentication classes, which import this module.
    from rest_framework.views import exception_handler as drf_handler  # noqa: PLC0415

    problem = problems.find(exc)
    if problem is not None:  # an error of the domain
        headers = problems.headers(problem, exc)
        return Response(problems.body(problem), status=problem.status, headers=headers)
    error = _as_drf(exc)
    response = drf_handler(error, context)
    if response is not None and isinstance(error, exceptions.APIException):
        response.data = described(error)
        response["Cache-Control"] = "no-store"
    return response


def _as_drf(exc: Exception) -> Exception:
    """Replace Django's two errors that DRF knows, too, by DRF's own, which have a code."""
    if isinstance(exc, Http404):
        return exceptions.NotFound()
    return exceptions.PermissionDenied() if isinstance(exc, PermissionDenied) else exc


def described(error: exceptions.APIException) -> dict[str, Any]:
    """Return the problem of an exception of DRF's as RFC 9457 members."""
    if isinstance(error, exceptions.ValidationError):
        return problems.body(problems.INVALID_FIELDS, errors=list(_pointers(error.detail)))
    members: dict[str, Any] = getattr(error, "members", {})
    if str(error.detail) != str(error.default_detail):  # more than the row can say
        members = {"detail": str(error.detail)} | members
    return problems.body(_row(error), **members)


def _row(error: exceptions.APIException) -> Problem:
    row: Problem | None = getattr(error, "problem", None) or problems.TABLE.get(error.default_code)
    if row is not None:
        return row
    title = HTTPStatus(error.status_code).phrase
    return Problem(error.status_code, error.default_code, title, str(error.detail))


def _pointers(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Point at each wrong field in the request's JSON (RFC 6901)."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            key = "" if name == "non_field_errors" else f"/{_escape(str(name))}"
            yield from _pointers(inner, path + key)
    elif isinstance(detail, list):
        for inner in detail:
            yield from _pointers(inner, path)
    else:
        yield {"pointer": path, "code": detail.code, "detail": str(detail)}


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
