"""Errors as RFC 9457 problem details with a stable `code`; 401s as RFC 6750 §3 wants them."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from allauth.core.exceptions import RateLimited
from django.http import Http404
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from structlog.contextvars import get_contextvars

from accounts.errors import RevocationsStaleError

PROBLEM_TYPE = "application/problem+json"


class InvalidCredentials(exceptions.AuthenticationFailed):
    """One answer for a wrong password, an unknown e-mail and a disabled account."""

    default_code = "invalid_credentials"
    default_detail = _("The email or the password is wrong.")


class EmailUnverified(exceptions.AuthenticationFailed):
    default_code = "email_unverified"
    default_detail = _(
        "Verify your email first: sign in at /_allauth/app/v1/auth/login, then send the code from "
        "the mail to /_allauth/app/v1/auth/email/verify."
    )


class LoginIncomplete(exceptions.AuthenticationFailed):
    """A stage of the login pipeline that this one-call endpoint can't walk."""

    default_code = "login_incomplete"
    default_detail = _("This account needs another step: sign in at /_allauth/app/v1/auth/login.")


class ProviderTokenRefused(InvalidCredentials):
    """One answer for every bad token, and for a disabled account."""

    default_detail = _(
        "The provider's token was refused: it has expired, was used before, or is another app's."
    )


class ProviderEmailUnverified(EmailUnverified):
    default_detail = _(
        "The provider doesn't vouch for an email. Send this token to "
        "/_allauth/app/v1/auth/provider/token, then the code from the mail to "
        "/_allauth/app/v1/auth/email/verify."
    )


class ProviderLoginIncomplete(LoginIncomplete):
    default_detail = _(
        "This sign-in needs another step: send a token to /_allauth/app/v1/auth/provider/token."
    )


class AccountExists(exceptions.APIException):
    """Told only to somebody whose address the provider vouches for."""

    status_code = 409
    default_code = "account_exists"
    default_detail = _(
        "An account with this email exists already. Send its email, its password and this "
        "`link_token` to /api/token/: that signs in, and connects the provider."
    )

    def __init__(self, *, link_token: str, expires_in: int) -> None:
        super().__init__()
        self.members = {"link_token": link_token, "expires_in": expires_in}


class LinkTokenRefused(InvalidCredentials):
    """Together with the right password, so nobody is signed in: the caller asked for both."""

    default_code = "invalid_link_token"
    default_detail = _(
        "The link token has expired, was used before, or is another account's. Sign in by the "
        "provider again to get a new one, or sign in without it."
    )


class ProviderUnavailable(exceptions.APIException):
    status_code = 503
    default_code = "provider_unavailable"
    default_detail = _("The provider doesn't answer. Please try again in a minute.")
    wait = 60


class Conflict(exceptions.APIException):
    status_code = 409
    default_code = "conflict"
    default_detail = _("The same thing was asked for twice at once. Please try again.")


class ClientRefused(exceptions.AuthenticationFailed):
    default_code = "invalid_client"
    default_detail = _("Name a client of API_CLIENTS and its secret by HTTP Basic.")


class InvalidToken(exceptions.AuthenticationFailed):
    default_code = "invalid_token"
    default_detail = _("The token is invalid, expired or revoked. Sign in again.")


class Unavailable(exceptions.APIException):
    """Nobody can tell whether this sign-in still stands: fail closed."""

    status_code = 503
    default_code = "store_unavailable"
    default_detail = _("Sign-in is briefly unavailable. Please try again in a few seconds.")
    wait = 3


class TooManyAttempts(exceptions.Throttled):
    default_code = "too_many_requests"
    default_detail = _("Too many attempts. Please wait, then try again.")
    extra_detail_singular = extra_detail_plural = ""


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's handler, its many shapes made one. None (a 500) for what nobody foresaw."""
    # Views import the authentication classes, which import this module.
    from rest_framework.views import exception_handler as drf_handler  # noqa: PLC0415

    if isinstance(exc, RateLimited):
        exc = TooManyAttempts()
    if isinstance(exc, RevocationsStaleError):
        exc = Unavailable()
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    response = drf_handler(exc, context)
    if response is None:
        return None
    error = exc if isinstance(exc, exceptions.APIException) else exceptions.PermissionDenied()
    response.data = problem(error, response.status_code)
    response.content_type = PROBLEM_TYPE
    # Whatever the view renders otherwise (YAML, HTML): a problem is JSON.
    context["request"].accepted_renderer = JSONRenderer()
    context["request"].accepted_media_type = PROBLEM_TYPE
    response["Cache-Control"] = "no-store"
    response["Content-Language"] = get_language() or "en"
    return response


def problem(error: exceptions.APIException, status: int) -> dict[str, Any]:
    """RFC 9457 members; `errors` points into the request's JSON (RFC 6901)."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": "",
        "code": "",
        "request_id": get_contextvars().get("request_id", ""),
    }
    if isinstance(error, exceptions.ValidationError):
        body["code"] = "validation_error"
        body["detail"] = str(_("Some fields are wrong: see `errors`."))
        body["errors"] = list(_pointers(error.detail))
        return body
    body |= getattr(error, "members", {})
    detail = error.detail
    body["code"] = getattr(detail, "code", error.default_code)
    body["detail"] = str(detail)
    return body


def _pointers(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
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
