"""Sign an API client in by a mailed code, in two calls: `ask` mails the code, `with_code` takes it.

allauth's process keeps its state in a session. Between the two calls that session is in Redis, and the
caller has a code token: the session's key, encrypted. No other endpoint accepts this token.
"""

import json

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts import encryption
from accounts.errors import DecryptionError, InactiveUserError
from accounts.pages import codes, sign_in_codes
from accounts.pages.codes import TriesUsedUpError, WrongCodeError
from accounts.pages.sign_in_codes import SignInCode
from accounts.people.managers import UserManager
from accounts.request import sign_in_of
from accounts.signins.models import AuthSession
from accounts.store import engine
from api.exceptions import CodeRefused, CodeTokenRefused, LinkTokenRefused, LoginIncomplete
from api.signin import second_step
from api.signin.apart import session_apart
from api.signin.password import prove_link

PURPOSE = "sign_in_code"
SECONDS = codes.LIFETIME_SECONDS


def ask(request: HttpRequest, *, email: str) -> str:
    """Mail a code to this address. Returns the code token, which is valid for `SECONDS`.

    An address without an account gets a mail that says so, and no code is right for its token. Raises
    `TooManyRequestsError`, and `STORE_ERRORS` if Redis is down.
    """
    kept = engine.SessionStore()
    with session_apart(request, kept=kept):
        sign_in_codes.ask(request, UserManager.normalize_email(email))
        kept.create()
    return encryption.encrypt(json.dumps({"purpose": PURPOSE, "session": kept.session_key}))


def with_code(
    request: HttpRequest, *, code_token: str, code: str, link_token: str = ""
) -> AuthSession:
    """Open a sign-in by a mailed code and return its row.

    If `link_token` is given, the code also proves its link, and the provider is connected. Raises
    `CodeTokenRefused`, `CodeRefused`, `LinkTokenRefused`, `MfaRequired`, `LoginIncomplete` or
    `ConflictError`, and `STORE_ERRORS` if Redis is down.
    """
    kept = engine.SessionStore(_session_key(code_token))
    with session_apart(request, kept=kept):
        process = _process(request)
        _spend(request, process, code)
        if link_token:
            try:
                prove_link(request, link_token, user_id=str(process.state["user_id"]))
            except LinkTokenRefused:
                codes.give_back(request)
                raise
        try:
            process.finish(None)
        except (
            InactiveUserError,
            PermissionDenied,
        ) as exc:  # disabled, or its email changed, since the mail
            raise CodeTokenRefused from exc
        try:
            return second_step.opened(request, LoginIncomplete)
        finally:
            kept.flush()


def _process(request: HttpRequest) -> SignInCode:
    """Return the attempt that the session keeps.

    Raises `CodeTokenRefused` if the session has none: it has expired, or it has signed in.
    """
    process = sign_in_codes.resumed(request)
    if process is None:
        raise CodeTokenRefused
    return process


def _spend(request: HttpRequest, process: SignInCode, code: str) -> None:
    """Check the code and mark it as used. Records a wrong one. Raises `CodeRefused`."""
    key = request.session.session_key or ""
    try:
        sign_in_of(request).spent_code = codes.check(code, process.code, holder=key)
    except WrongCodeError as exc:
        if isinstance(exc, TriesUsedUpError):
            codes.record_tries(request)
        raise CodeRefused(str(exc.message), tries_left=exc.tries_left) from exc


def _session_key(code_token: str) -> str:
    try:
        content = json.loads(encryption.decrypt(code_token))
    except (DecryptionError, ValueError) as exc:
        raise CodeTokenRefused from exc
    if not isinstance(content, dict) or content.get("purpose") != PURPOSE:
        raise CodeTokenRefused
    return str(content["session"])
