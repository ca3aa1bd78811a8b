"""Finish a sign-in in one more call, if the account has a second factor.

The pipeline keeps its state in a session. A client of `/api/token/…` has none, so the answer to its
first call carries that state, encrypted, as `mfa_token`. The token works for five minutes, for one
sign-in, and only for the client that began it. A wrong code or credential doesn't use it up.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from allauth.account.internal.stagekit import get_pending_stage
from allauth.account.stages import LoginStageController
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse

from accounts import encryption
from accounts.errors import DecryptionError, InactiveUserError
from accounts.factors import entry, registry
from accounts.factors.passkeys.answers import SignedAnswer
from accounts.factors.passkeys.challenges import Purpose
from accounts.factors.passkeys.errors import PasskeyError
from accounts.factors.stage import EnrolStage, FactorStage
from accounts.federation.errors import ProviderError
from accounts.federation.wire import replay
from accounts.pages import known_devices
from accounts.request import client_of, sign_in_of
from accounts.signins.models import AuthSession
from api.exceptions import (
    IncorrectCode,
    InvalidCredentials,
    LoginIncomplete,
    MfaEnrolmentRequired,
    MfaRequired,
    MfaTokenRefused,
    PasskeyRefused,
)
from api.signin.apart import session_apart

if TYPE_CHECKING:
    from accounts.people.models import User

SECONDS = 5 * 60
PURPOSE = "mfa"
MEMBERS = {"key", "expires_at", "client", "session"}


def opened(request: HttpRequest, otherwise: type[LoginIncomplete]) -> AuthSession:
    """Return the sign-in that the pipeline has opened in this request.

    Raises `MfaRequired` if it waits for a second factor, `MfaEnrolmentRequired` if it waits for a
    new one, and `otherwise` if for another step.
    """
    # `receivers.open_session` sets this. It is None while a login stage is pending.
    session = sign_in_of(request).opened
    if session is not None:
        return session
    stage = get_pending_stage(request)
    if stage is not None and stage.key == EnrolStage.key:
        # The page asks for a sign-in, and that for the app.
        raise MfaEnrolmentRequired(enrolment_url=f"{settings.SITE_URL}{reverse('mfa_index')}")
    if stage is None or stage.key != FactorStage.key:
        raise otherwise
    factors = [factor.id for factor in registry.factors_of(cast("User", stage.login.user))]
    raise MfaRequired(factors=factors, mfa_token=_issue(request), expires_in=SECONDS)


def finish(
    request: HttpRequest,
    *,
    mfa_token: str,
    code: str = "",
    credential: dict[str, Any] | None = None,
) -> AuthSession:
    """Go on with the sign-in of this token, and return its row.

    The proof is a code of any factor, or the answer of a passkey, which is the `credential`. Raises
    `MfaTokenRefused`, `IncorrectCode`, `PasskeyRefused`, `InvalidCredentials`, `LoginIncomplete` or
    `TooManyRequestsError`, and `STORE_ERRORS` if Redis is down.
    """
    content = _read(request, mfa_token)
    answer = SignedAnswer(credential, Purpose.SECOND_STEP) if credential else code
    with _resumed(request, content) as stage:
        user = cast("User", stage.login.user)
        try:
            factor = check(request, user, answer)
        except PasskeyError as exc:
            raise PasskeyRefused(exc) from exc
        except ValidationError as exc:
            raise IncorrectCode(exc.message) from exc
        _spend(content)
        post_authentication(request, factor)
        try:
            stage.exit()
        except InactiveUserError as exc:
            raise InvalidCredentials from exc
        if sign_in_of(request).opened is None and get_pending_stage(request) is None:
            raise MfaTokenRefused  # the password was changed meanwhile
        return opened(request, LoginIncomplete)


def user_of(request: HttpRequest, mfa_token: str) -> "User":
    """Return the account whose sign-in waits for this token. Raises `MfaTokenRefused`."""
    with _resumed(request, _read(request, mfa_token)) as stage:
        return cast("User", stage.login.user)


@contextmanager
def _resumed(request: HttpRequest, content: dict[str, Any]) -> Iterator[FactorStage]:
    """Give the request the session of this token, at the stage that waits. Raises `MfaTokenRefused`."""
    with session_apart(request):
        request.session.update(content["session"])
        stage = LoginStageController.enter(request, FactorStage.key)
        # Without a user the account was deleted meanwhile.
        if stage is None or stage.login.user is None or not stage.is_unchanged:
            raise MfaTokenRefused
        yield stage


def check(request: HttpRequest, user: "User | None", answer: str | SignedAnswer) -> Authenticator:
    """Use a code or the answer of a passkey up, and return the row of its factor.

    Raises as `entry.check` does.
    """
    device = known_devices.device_of(request, user.email) if user else ""
    return entry.check(user, answer, client=client_of(request), device=device)


def _issue(request: HttpRequest) -> str:
    content = {
        "purpose": PURPOSE,
        "key": secrets.token_urlsafe(16),
        "expires_at": time.time() + SECONDS,
        "client": _client(request),
        "session": dict(request.session.items()),
    }
    return encryption.encrypt(json.dumps(content))


def _read(request: HttpRequest, token: str) -> dict[str, Any]:
    """Return the token's content. Raises `MfaTokenRefused`."""
    try:
        content = json.loads(encryption.decrypt(token))
    except (DecryptionError, ValueError) as exc:
        raise MfaTokenRefused from exc
    if not isinstance(content, dict) or content.get("purpose") != PURPOSE:
        raise MfaTokenRefused
    if not content.keys() >= MEMBERS:  # of another release
        raise MfaTokenRefused
    is_known = secrets.compare_digest(content["client"], _client(request))
    if not is_known or time.time() >= content["expires_at"] or replay.is_spent(_mark(content)):
        raise MfaTokenRefused
    return content


def _spend(content: dict[str, Any]) -> None:
    try:
        replay.spend(_mark(content), expires_at=content["expires_at"])
    except ProviderError as exc:
        raise MfaTokenRefused from exc


def _mark(content: dict[str, Any]) -> str:
    return f"mfa:{content['key']}"


def _client(request: HttpRequest) -> str:
    """Return a hash of what tells this client from others: its name, and how it takes its tokens.

    Not its address: phones change it on the way.
    """
    headers = [request.headers.get(name, "") for name in ("User-Agent", "X-Token-Delivery")]
    return hashlib.sha256(json.dumps(headers).encode()).hexdigest()
