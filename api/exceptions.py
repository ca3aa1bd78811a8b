"""Define DRF exceptions, each with its row of `api.problems`, and the handler that answers them."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import get_language
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from structlog.contextvars import bind_contextvars

from accounts.errors import AccountsError
from accounts.factors.passkeys.errors import PasskeyError
from api import problems
from api.problems import Problem


class Refused(exceptions.AuthenticationFailed):
    """Base of our 401s. DRF adds the WWW-Authenticate header that RFC 6750 §3 demands."""

    problem: Problem


class InvalidCredentials(Refused):
    """One answer for a wrong password, an unknown email and a disabled account."""

    problem = problems.INVALID_CREDENTIALS


class EmailUnverified(Refused):
    problem = problems.EMAIL_UNVERIFIED


class LoginIncomplete(Refused):
    """The login pipeline needs another step, which this one-call endpoint doesn't have."""

    problem = problems.LOGIN_INCOMPLETE


class MfaRequired(Refused):
    """The first step was right, and the account has a second factor.

    `factors` are the kinds that it has. `mfa_token` finishes the sign-in within `expires_in` s.
    """

    problem = problems.MFA_REQUIRED

    def __init__(self, *, factors: list[str], mfa_token: str, expires_in: int) -> None:
        super().__init__()
        self.members = {"factors": factors, "mfa_token": mfa_token, "expires_in": expires_in}


class MfaEnrolmentRequired(Refused):
    """The first step was right, but the policy wants a second factor that the account lacks."""

    problem = problems.MFA_ENROLMENT_REQUIRED

    def __init__(self, *, enrolment_url: str) -> None:
        super().__init__()
        self.members = {"enrolment_url": enrolment_url}


class MfaTokenRefused(Refused):
    problem = problems.INVALID_MFA_TOKEN


class IncorrectCode(Refused):
    """The code is wrong or used. The detail says how many tries are left; the token stays good."""

    problem = problems.INCORRECT_CODE


class PasskeyRefused(Refused):
    """The answer of a passkey proves nothing. The `code` says why."""

    def __init__(self, error: PasskeyError) -> None:
        super().__init__()
        self.problem = problems.TABLE[error.why.value]


class ProviderTokenRefused(InvalidCredentials):
    """The provider's token is refused, or its account is disabled: one answer for all reasons."""

    problem = problems.PROVIDER_TOKEN_REFUSED


class ProviderEmailUnverified(EmailUnverified):
    problem = problems.PROVIDER_EMAIL_UNVERIFIED


class ProviderLoginIncomplete(LoginIncomplete):
    problem = problems.PROVIDER_LOGIN_INCOMPLETE


class LinkTokenRefused(InvalidCredentials):
    """The link token is refused, so the sign-in is refused, too, even with the right password.

    The caller asked for both: to sign in and to connect the provider.
    """

    problem = problems.INVALID_LINK_TOKEN


class CodeRefused(Refused):
    """A mailed code is wrong. `tries_left` is the number of further tries that it allows."""

    problem = problems.INVALID_CODE

    def __init__(self, detail: str, *, tries_left: int) -> None:
        super().__init__(detail)
        self.members = {"tries_left": tries_left}


class CodeTokenRefused(Refused):
    problem = problems.INVALID_CODE_TOKEN


class ClientRefused(Refused):
    problem = problems.INVALID_CLIENT


class ServiceRefused(exceptions.PermissionDenied):
    problem = problems.SERVICE_REFUSED


class InvalidToken(Refused):
    problem = problems.INVALID_TOKEN


class RefreshExpired(InvalidToken):
    problem = problems.REFRESH_EXPIRED


class RefreshLost(InvalidToken):
    problem = problems.REFRESH_LOST


class RefreshReused(InvalidToken):
    problem = problems.REFRESH_REUSED


class RefreshEnded(InvalidToken):
    problem = problems.REFRESH_SESSION_ENDED


class RetryKeyRefused(exceptions.APIException):
    status_code = problems.INVALID_RETRY_KEY.status
    problem = problems.INVALID_RETRY_KEY


class BearerRefusedError(AccountsError):
    """As `InvalidToken`, for views that aren't DRF's."""

    code = "invalid_token"


class CsrfRefused(exceptions.PermissionDenied):
    """The request has a session cookie and no good CSRF token."""

    problem = problems.CSRF_FAILED


class OriginRefused(exceptions.PermissionDenied):
    problem = problems.ORIGIN_REFUSED


class AccountExists(exceptions.APIException):
    """An account with the verified email of this provider's account exists already.

    Raise it only if the provider says that the caller's email is verified. `expires_in` is the
    seconds that `link_token` works.
    """

    status_code = problems.ACCOUNT_EXISTS_FOR_TOKEN.status
    problem = problems.ACCOUNT_EXISTS_FOR_TOKEN

    def __init__(self, *, link_token: str, expires_in: int) -> None:
        super().__init__()
        self.members = {"link_token": link_token, "expires_in": expires_in}


class FreshProofRequired(exceptions.APIException):
    """The act is sensitive, and the last proof of the caller's sign-in is too old (RFC 9470)."""

    status_code = problems.FRESH_PROOF_REQUIRED.status
    problem = problems.FRESH_PROOF_REQUIRED

    def __init__(self, *, flows: list[dict[str, Any]]) -> None:
        super().__init__()
        self.auth_header = problems.step_up_challenge()
        self.members = {"max_age": settings.FRESH_PROOF_SECONDS, "flows": flows}


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Return a problem JSON answer for the exception of a view.

    Returns None for an exception that has no row and isn't DRF's. DRF then raises it again, and
    `config.errors.handler500` answers it.
    """
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
        bind_contextvars(reason=problem.code)  # for the request's log line
        headers = problems.headers(problem, exc)
        return Response(problems.body(problem), status=problem.status, headers=headers)
    error = _as_drf(exc)
    response = drf_handler(error, context)
    if response is not None and isinstance(error, exceptions.APIException):
        response.data = described(error)
        bind_contextvars(reason=response.data["code"])
        response["Cache-Control"] = "no-store"
    return response


def _as_drf(exc: Exception) -> Exception:
    """Return DRF's own exception for Django's `Http404` or `PermissionDenied`, else `exc`."""
    if isinstance(exc, Http404):
        return exceptions.NotFound()
    return exceptions.PermissionDenied() if isinstance(exc, PermissionDenied) else exc


def described(error: exceptions.APIException) -> dict[str, Any]:
    """Return the RFC 9457 members for this DRF exception."""
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
    """Yield each wrong field with a pointer into the request's JSON (RFC 6901), code and text."""
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
