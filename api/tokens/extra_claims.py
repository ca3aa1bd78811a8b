"""Ask the deployment's own function for more claims of an access token (docs/claims.md).

If the function fails, is slow, or returns what a token must not have, the token has none of its claims, and the
log says why. The sign-in goes on: a missing claim gives no rights, and a defect there must lock nobody out.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import lru_cache
from typing import Any, cast

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string
from structlog import get_logger

from accounts.people import profile_fields
from accounts.people.models import User
from accounts.signins.models import AuthSession

Hook = Callable[[User, AuthSession], dict[str, Any]]

MAX_BYTES = 1000
PAUSE_SECONDS = 30.0
"""After a slow call the function is left alone for so long: it would hold up all sign-ins."""
RESERVED = frozenset(
    [
        "iss",
        "sub",
        "aud",
        "exp",
        "nbf",
        "iat",
        "jti",
        "client_id",
        "sid",
        "auth_time",
        "amr",
        "acr",
        "scope",
        "roles",
        "groups",
        "entitlements",
        "azp",
        "nonce",
        "cnf",
        "act",
        "may_act",
        "typ",
        "token_type",
        "active",
    ]
)
"""Names with a meaning of their own in our tokens (RFC 7519, 9068, 8693; OIDC)."""
PERSONAL = frozenset(
    [
        "email",
        "email_verified",
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "phone",
        "phone_number",
        "phone_number_verified",
        "address",
        "display_name",
    ]
)
"""Names of claims about a person (OpenID Connect Core §5.1)."""
LEAST = 3
"""Characters from which a display name counts as personal inside of a value."""

log = get_logger()
_paused_until = 0.0


class _RefusedError(Exception):
    """The claims can't go into a token. The text is for the log, and repeats no value."""


def of(session: AuthSession) -> dict[str, Any]:
    """Return the claims of the function of `ACCESS_TOKEN_CLAIMS`, or {} without one."""
    global _paused_until  # noqa: PLW0603 - one for the process
    path = settings.ACCESS_TOKEN_CLAIMS
    if not path or session.user is None or time.monotonic() < _paused_until:
        return {}
    started = time.monotonic()
    try:
        # A failed query would spoil the caller's transaction.
        with transaction.atomic() if connection.in_atomic_block else nullcontext():
            found = _hook(path)(session.user, session)
        seconds = time.monotonic() - started
        if seconds > settings.ACCESS_TOKEN_CLAIMS_SECONDS:
            _paused_until = time.monotonic() + PAUSE_SECONDS
            raise _RefusedError(f"slow: {seconds:.3f} s; not called for {PAUSE_SECONDS:.0f} s")  # noqa: TRY301 - one log line for all
        return _checked(found, session.user)
    except _RefusedError as refused:
        log.error("access_token_claims_refused", reason=str(refused), function=path)  # noqa: TRY400 - no defect of ours
    except Exception:
        log.exception("access_token_claims_failed", function=path)
    return {}


def _checked(found: object, user: User) -> dict[str, Any]:
    """Return the claims as JSON will have them. Raises `_RefusedError`."""
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise _RefusedError("not a dict with names")
    if taken := sorted(RESERVED & found.keys()):
        raise _RefusedError(f"reserved names: {', '.join(taken)}")
    try:
        text = json.dumps(found, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as exc:
        raise _RefusedError("not JSON") from exc
    if len(text) > MAX_BYTES:
        raise _RefusedError(f"too large: {len(text)} bytes, at most {MAX_BYTES}")
    claims = cast("dict[str, Any]", json.loads(text))
    if not settings.ACCESS_TOKEN_PERSONAL_CLAIMS:
        _refuse_personal(claims, user)
    return claims


def _refuse_personal(claims: dict[str, Any], user: User) -> None:
    own = [user.email.lower()]
    texts = [user.display_name, *profile_fields.personal(user.extras)]
    own += [text.lower() for text in texts if len(text) >= LEAST]
    for name, value in _leaves(claims):
        is_own = isinstance(value, str) and any(each in value.lower() for each in own)
        if name.lower() in PERSONAL or is_own:
            raise _RefusedError(f"personal: {name}; set ACCESS_TOKEN_PERSONAL_CLAIMS=1 to allow it")


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each name and value at every depth. An entry of a list has the name of the list."""
    yield name, value
    if isinstance(value, dict):
        for inner, each in value.items():
            yield from _leaves(each, inner)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, name)


@lru_cache(maxsize=4)
def _hook(path: str) -> Hook:
    return cast("Hook", import_string(path))
