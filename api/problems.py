"""Define every error that a caller can meet: one table for problem JSON (RFC 9457) and for pages.

A row has the status, a stable `code` that clients branch on, and words for people. The words are
translated by Accept-Language. `api.exceptions` answers with a row inside DRF, `config.errors`
everywhere else.
"""

from dataclasses import dataclass, replace
from typing import Any

from allauth.core.exceptions import RateLimited, ReauthenticationRequired
from django.conf import settings
from django.utils.functional import Promise, lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from structlog.contextvars import get_contextvars

from accounts.errors import AccountsError, FreshProofRequiredError, TooManyRequestsError
from accounts.factors.passkeys.errors import PasskeyError, Why
from accounts.pages import waiting
from accounts.store.outage import STORE_ERRORS

CONTENT_TYPE = "application/problem+json"
REALM = 'Bearer realm="api"'


@dataclass(frozen=True)
class Problem:
    """A row of the table.

    `retry_seconds` is the header Retry-After, `challenge` the header WWW-Authenticate.
    """

    status: int
    code: str
    title: str | Promise
    detail: str | Promise
    retry_seconds: int | None = None
    challenge: str = ""


def _of_passkey(why: Why) -> Problem:
    """Return the row of a refused passkey. Its words are those of the pages."""
    detail = lazy(lambda: str(PasskeyError(why).message), str)()
    return Problem(401, why.value, _("Unauthorized"), detail)


# The request itself

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
NO_OBJECT = Problem(
    400,
    "not_an_object",
    _("Malformed JSON"),
    _("The body is JSON, but no object. Send {…}, with the members that this address takes."),
)
INVALID_FIELDS = Problem(
    400,
    "validation_error",
    _("Bad request"),
    _("Some fields are wrong: see `errors`."),
)
INVALID_RETRY_KEY = Problem(
    400,
    "invalid_retry_key",
    _("Bad request"),
    _(
        "The Idempotency-Key header (or `retry_key` in the body) must have 16 to 64 characters of "
        "A-Z, a-z, 0-9, - and _. If both are sent, they must be equal."
    ),
)
NOT_FOUND = Problem(
    404,
    "not_found",
    _("Not found"),
    _("There is nothing at this address. It may have moved."),
)
# The next three repeat DRF's own texts, because DRF has no Korean translation of them.
METHOD_NOT_ALLOWED = Problem(
    405,
    "method_not_allowed",
    _("Method not allowed"),
    _('Method "{method}" not allowed.'),
)
PAGE_NEEDS_FORM = Problem(
    405,
    "page_needs_form",
    _("This address can't be opened directly"),
    _("Only a button on another page leads here. Go to the start page and look for it there."),
)
NOT_ACCEPTABLE = Problem(
    406,
    "not_acceptable",
    _("Not acceptable"),
    _("Could not satisfy the request Accept header."),
)
LENGTH_REQUIRED = Problem(
    411,
    "length_required",
    _("Length required"),
    _("Send the body with a Content-Length: this server cannot read a chunked body."),
)
UNSUPPORTED_MEDIA_TYPE = Problem(
    415,
    "unsupported_media_type",
    _("Unsupported media type"),
    _('Unsupported media type "{media_type}" in request.'),
)
BODY_TOO_LARGE = Problem(
    413,
    "body_too_large",
    _("Too large"),
    _("The request is larger than the site accepts. Send less."),
)
ADDRESS_TOO_LONG = Problem(
    414,
    "address_too_long",
    _("Address too long"),
    _("This address is longer than the site accepts. Check the link, or begin at the start page."),
)
TOO_MANY_REQUESTS = Problem(
    429,
    "too_many_requests",
    _("Too many attempts"),
    _("Please wait a few minutes, then try again."),
)

# Who asks, and what they may do

NOT_AUTHENTICATED = Problem(
    401,
    "not_authenticated",
    _("Unauthorized"),
    _("Authentication credentials were not provided."),
)
INVALID_TOKEN = Problem(
    401,
    "invalid_token",
    _("Unauthorized"),
    _("The token is invalid, expired or revoked. Sign in again."),
    challenge=f'{REALM}, error="invalid_token"',
)
INVALID_CLIENT = Problem(
    401,
    "invalid_client",
    _("Unauthorized"),
    _(
        "The id or the secret is wrong, or the key has expired or was revoked. Send those of an API key, "
        "or of a client of API_CLIENTS where this address takes one, by HTTP Basic."
    ),
)
SESSION_ENDED = Problem(
    401,
    "session_ended",
    _("You were signed out"),
    _("Your sign-in ended while this was under way. Please sign in again."),
    challenge=REALM,
)
REFRESH_SESSION_ENDED = replace(
    SESSION_ENDED,
    detail=_(
        "This sign-in has ended: by a sign-out, from another device, by a changed password or by an "
        "administrator. Delete its tokens and sign in again."
    ),
)
REFRESH_EXPIRED = Problem(
    401,
    "refresh_expired",
    _("The sign-in has expired"),
    _(
        "The refresh token was not used for too long, or the sign-in has reached its greatest age. "
        "Delete its tokens and sign in again."
    ),
    challenge=REALM,
)
REFRESH_LOST = Problem(
    401,
    "refresh_lost",
    _("The sign-in could not be continued"),
    _(
        "The answer to an earlier refresh was lost, and this token came again too late or without "
        "the same Idempotency-Key. The sign-in has ended. Delete its tokens and sign in again."
    ),
    challenge=REALM,
)
REFRESH_REUSED = Problem(
    401,
    "refresh_reused",
    _("The sign-in was ended for safety"),
    _(
        "This refresh token was replaced before, and its successor was used: somebody may hold a "
        "copy. The sign-in has ended. Delete its tokens, sign in again and look at the signed-in "
        "devices."
    ),
    challenge=REALM,
)
FRESH_PROOF_REQUIRED = Problem(
    401,
    FreshProofRequiredError.code,
    _("Confirm that it is you"),
    _(
        "This needs a fresh proof of your sign-in. Give one of those in `flows`, by the addresses "
        "under /_allauth/app/v1/auth/reauthenticate, then try again."
    ),
)
FORBIDDEN = Problem(
    403,
    "forbidden",
    _("No access"),
    _("Your account may not open this page."),
)
PERMISSION_DENIED = Problem(
    403,
    "permission_denied",
    _("No access"),
    _("You do not have permission to perform this action."),
)
ORIGIN_REFUSED = Problem(
    403,
    "origin_refused",
    _("No access"),
    _("Cookies are taken from this site's own frontends only."),
)
HTTPS_REQUIRED = Problem(
    403,
    "https_required",
    _("No access"),
    _(
        "Call this address by https. Replace the credentials that you sent: they were not encrypted."
    ),
)
CSRF_FAILED = Problem(
    403,
    "csrf_failed",
    _("This form has expired"),
    _("For your safety the form was not sent. Open the page again and send the new form."),
)
COOKIES_BLOCKED = Problem(
    403,
    "cookies_blocked",
    _("Your browser sent no cookie"),
    _(
        "The form was not sent, because this site needs cookies to sign you in. "
        "Allow cookies for this site, then open the page again."
    ),
)
COOKIES_UNREADABLE = Problem(
    400,
    "cookies_unreadable",
    _("Your browser sent a cookie that this site can't read"),
    _(
        "Another site under the same domain has set it, with letters such as é. It hides the cookies of "
        "this site, too. Delete the cookies of this domain in your browser's settings, then open the page again."
    ),
)
LINK_NEEDS_COOKIES = Problem(
    403,
    "link_needs_cookies",
    _("Your browser sent no cookie"),
    _(
        "The link was not used. Allow cookies for this site, then open the link in the mail again. "
        "If it came from an app, copy the link into your browser."
    ),
)
ORIGIN_HIDDEN = Problem(
    403,
    "origin_hidden",
    _("Your browser hides where the form comes from"),
    _(
        "The form was not sent. A privacy setting, an add-on or an embedded page causes this. "
        "Open the page again in its own tab, without that setting."
    ),
)

# Sign-ins

INVALID_CREDENTIALS = Problem(
    401,
    "invalid_credentials",
    _("Unauthorized"),
    _("The email or the password is wrong."),
)
PROVIDER_TOKEN_REFUSED = replace(
    INVALID_CREDENTIALS,
    detail=_(
        "The provider's token was refused: it has expired, was used before, or is another app's."
    ),
)
INVALID_LINK_TOKEN = Problem(
    401,
    "invalid_link_token",
    _("Unauthorized"),
    _(
        "The link token has expired, was used before, or is another account's. Sign in by the "
        "provider again to get a new one, or sign in without it."
    ),
)
INVALID_CODE = Problem(
    401,
    "invalid_code",
    _("Unauthorized"),
    _("That isn't the code. `tries_left` is the number of tries that are left."),
)
INVALID_CODE_TOKEN = Problem(
    401,
    "invalid_code_token",
    _("Unauthorized"),
    _("The code token has expired or was used before. Ask for a new code at /api/token/code/."),
)
EMAIL_UNVERIFIED = Problem(
    401,
    "email_unverified",
    _("Unauthorized"),
    _(
        "Verify your email first: sign in at /_allauth/app/v1/auth/login, then send the code from "
        "the mail to /_allauth/app/v1/auth/email/verify."
    ),
)
PROVIDER_EMAIL_UNVERIFIED = replace(
    EMAIL_UNVERIFIED,
    detail=_(
        "The provider gives no verified email. Send this token to "
        "/_allauth/app/v1/auth/provider/token, then the code from the mail to "
        "/_allauth/app/v1/auth/email/verify."
    ),
)
MFA_REQUIRED = Problem(
    401,
    "mfa_required",
    _("Second step"),
    _(
        "This account has a second factor. Send this `mfa_token` to /api/token/mfa/, with a code of "
        "one of `factors`, or with the answer of a passkey to a challenge of "
        "/api/token/passkey/options/."
    ),
)
MFA_ENROLMENT_REQUIRED = Problem(
    401,
    "mfa_enrolment_required",
    _("Second step"),
    _(
        "This account must have a second factor, and has none. Open `enrolment_url` in a browser, or "
        "sign in at /_allauth/app/v1/auth/login and go on with /_allauth/app/v1/auth/2fa/enrol."
    ),
)
INVALID_MFA_TOKEN = Problem(
    401,
    "invalid_mfa_token",
    _("Unauthorized"),
    _("The `mfa_token` has expired, was used before, or is another client's. Sign in again."),
)
INCORRECT_CODE = Problem(
    401,
    "incorrect_code",
    _("Unauthorized"),
    _("That isn't the code."),
)
PASSKEY_UNREADABLE = _of_passkey(Why.UNREADABLE)
PASSKEY_EXPIRED = _of_passkey(Why.EXPIRED)
PASSKEY_UNKNOWN = _of_passkey(Why.UNKNOWN)
PASSKEY_REFUSED = _of_passkey(Why.REFUSED)
PASSKEY_UNVERIFIED = _of_passkey(Why.UNVERIFIED)
PASSKEY_CLONED = _of_passkey(Why.CLONED)
LOGIN_INCOMPLETE = Problem(
    401,
    "login_incomplete",
    _("Unauthorized"),
    _("This account needs another step: sign in at /_allauth/app/v1/auth/login."),
)
PROVIDER_LOGIN_INCOMPLETE = replace(
    LOGIN_INCOMPLETE,
    detail=_(
        "This sign-in needs another step: send a token to /_allauth/app/v1/auth/provider/token."
    ),
)
SERVICE_REFUSED = Problem(
    403,
    "service_refused",
    _("Only for people"),
    _("A token of an API key is for machines. This address is for people."),
)
SIGN_UP_CLOSED = Problem(
    403,
    "sign_up_closed",
    _("Sign-up is closed"),
    _("New accounts can't be created at the moment, or only with an invitation."),
)
INVITED_OTHER_EMAIL = Problem(
    403,
    "invited_other_email",
    _("Your invitation is for another email."),
    _(
        "Sign up with the email to which the invitation was mailed, or ask for an invitation to this one."
    ),
)
LAST_SUPERUSER = Problem(
    409,
    "last_superuser",
    _("The only administrator"),
    _("Make somebody else an administrator first, then delete your account."),
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
ACCOUNT_EXISTS_FOR_TOKEN = replace(
    ACCOUNT_EXISTS,
    detail=_(
        "An account with this email exists already. Send its email, its password and this "
        "`link_token` to /api/token/: that signs in, and connects the provider."
    ),
)
CONFLICT = Problem(
    409,
    "conflict",
    _("Somebody was faster"),
    _("The same thing was asked for twice at once. Please try again."),
)

# Our side

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
    retry_seconds=3,  # a fail-over takes no longer
)
PROVIDER_UNAVAILABLE = Problem(
    503,
    "provider_unavailable",
    _("The other site doesn't answer"),
    _("Nothing was changed. Please try again in a minute, or sign in with your email."),
    retry_seconds=60,
)
FORMER_SYSTEM_UNAVAILABLE = Problem(
    503,
    "former_system_unavailable",
    _("We can't check your password at the moment"),
    _("Nothing was changed. Please try again in a minute."),
    retry_seconds=60,
)

TABLE = {
    row.code: row
    for row in (
        *(BAD_REQUEST, MALFORMED_JSON, NO_OBJECT, INVALID_FIELDS, INVALID_RETRY_KEY, NOT_FOUND),
        *(METHOD_NOT_ALLOWED, REFRESH_EXPIRED, REFRESH_LOST, REFRESH_REUSED),
        *(PAGE_NEEDS_FORM, NOT_ACCEPTABLE, LENGTH_REQUIRED, UNSUPPORTED_MEDIA_TYPE),
        *(BODY_TOO_LARGE, ADDRESS_TOO_LONG, TOO_MANY_REQUESTS, NOT_AUTHENTICATED, INVALID_TOKEN),
        *(INVALID_CLIENT, SESSION_ENDED, FORBIDDEN, PERMISSION_DENIED, ORIGIN_REFUSED),
        FRESH_PROOF_REQUIRED,
        *(HTTPS_REQUIRED, CSRF_FAILED, COOKIES_BLOCKED, COOKIES_UNREADABLE, LINK_NEEDS_COOKIES),
        ORIGIN_HIDDEN,
        INVALID_CREDENTIALS,
        *(INVALID_CODE, INVALID_CODE_TOKEN),
        *(INVALID_LINK_TOKEN, EMAIL_UNVERIFIED, LOGIN_INCOMPLETE, ACCOUNT_EXISTS, CONFLICT),
        *(MFA_REQUIRED, MFA_ENROLMENT_REQUIRED, INVALID_MFA_TOKEN, INCORRECT_CODE),
        *(PASSKEY_UNREADABLE, PASSKEY_EXPIRED, PASSKEY_UNKNOWN),
        *(PASSKEY_REFUSED, PASSKEY_UNVERIFIED, PASSKEY_CLONED),
        LAST_SUPERUSER,
        SERVICE_REFUSED,
        *(SIGN_UP_CLOSED, INVITED_OTHER_EMAIL),
        *(SERVER_ERROR, STORE_UNAVAILABLE, PROVIDER_UNAVAILABLE, FORMER_SYSTEM_UNAVAILABLE),
    )
}
"""The row of each `code`, as domain errors and DRF's exceptions name it."""


def find(error: BaseException | None) -> Problem | None:
    """Return the row for an error that our code foresees, or None for any other (a defect)."""
    if isinstance(error, TooManyRequestsError) and error.retry_seconds is not None:
        detail = lazy(_try_again_in, str)(error.retry_seconds)
        return replace(TOO_MANY_REQUESTS, detail=detail, retry_seconds=error.retry_seconds)
    if isinstance(error, AccountsError):
        row = TABLE[error.code]
        return None if row is SERVER_ERROR else row
    if isinstance(error, STORE_ERRORS):
        return STORE_UNAVAILABLE
    if isinstance(error, RateLimited):
        return TOO_MANY_REQUESTS
    if isinstance(error, ReauthenticationRequired):
        return FRESH_PROOF_REQUIRED
    return None


def _try_again_in(seconds: int) -> str:
    return gettext("Try again in %(wait)s.") % {"wait": waiting.in_words(seconds)}


def body(problem: Problem, **members: Any) -> dict[str, Any]:
    """Return the RFC 9457 members of a row. `members` are more of them, or replace the `detail`."""
    return {
        "type": "about:blank",
        "title": str(problem.title),
        "status": problem.status,
        "detail": str(problem.detail),
        "code": problem.code,
        "request_id": get_contextvars().get("request_id", ""),
        **members,
    }


def headers(problem: Problem, error: BaseException | None = None) -> dict[str, str]:
    """Return the headers of a row. `error`, if it is a rate limit's, has its own `Retry-After`."""
    found = {"Cache-Control": "no-store"}
    retry_seconds = problem.retry_seconds
    if isinstance(error, TooManyRequestsError):
        retry_seconds = error.retry_seconds
    if retry_seconds is not None:
        found["Retry-After"] = str(retry_seconds)
    if problem is FRESH_PROOF_REQUIRED:
        found["WWW-Authenticate"] = step_up_challenge()
    elif problem.challenge:
        found["WWW-Authenticate"] = problem.challenge
    return found


def step_up_challenge() -> str:
    """Return the challenge that asks for a fresh proof (RFC 9470 §3)."""
    seconds = settings.FRESH_PROOF_SECONDS
    return f'{REALM}, error="insufficient_user_authentication", max_age="{seconds}"'
