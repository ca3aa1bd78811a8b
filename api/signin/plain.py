"""Sign an app in by password without allauth's pipeline, if the pipeline would ask for nothing.

`config.gate` calls it. Everybody else's sign-in by password goes through `api.signin.password`, and so does
one that this module does not open.
"""

from contextlib import suppress
from typing import Any

from allauth.account import signals as allauth_signals
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import DatabaseError
from django.dispatch import Signal

from accounts.audit.vocabulary import Method
from accounts.client_info import ClientInfo
from accounts.errors import InactiveUserError
from accounts.factors import policy, registry
from accounts.pages import decoys, sign_in_notices
from accounts.pages.attempts import Attempt
from accounts.pages.password_checks import has_verified_address, is_refused
from accounts.people.models import User
from accounts.people.passwords import MAX_LENGTH
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from accounts.store import index
from api.tokens import jwts

MAX_EMAIL = 254
ADAPTER = "accounts.pages.adapters.AccountAdapter"
BACKENDS = ["accounts.pages.backends.AuthenticationBackend"]
SIGNALS: tuple[tuple[Signal, Any], ...] = (
    (user_logged_in, User),
    (allauth_signals.user_logged_in, User),
    (allauth_signals.authentication_step_completed, User),
    (user_login_failed, auth.__name__),
)
"""The signals of the pipeline about a sign-in by password, each with its sender."""
OURS = ("accounts.", "api.", "config.")


def is_offered() -> bool:
    """Return False if the pipeline does more on this site than ours does.

    A former system knows the passwords, or a product on top has an adapter, a back end or a receiver of its own.
    """
    return (
        not settings.LEGACY_SIGN_IN_URL
        and settings.ACCOUNT_ADAPTER == ADAPTER
        and settings.AUTHENTICATION_BACKENDS == BACKENDS
        and not any(_is_heard_by_others(*each) for each in SIGNALS)
    )


def _is_heard_by_others(signal: Signal, sender: Any) -> bool:
    receivers, asynchronous = signal._live_receivers(sender)  # noqa: SLF001 - nothing public names them
    return bool(asynchronous) or any(
        not getattr(each, "__module__", "").startswith(OURS) for each in receivers
    )


def is_plain(email: str, password: str) -> bool:
    """Return True if `CredentialsSerializer` would take these ASCII texts as they are."""
    if len(email) > MAX_EMAIL or len(password) > MAX_LENGTH or email != email.strip():
        return False
    try:
        validate_email(email)
    except ValidationError:
        return False
    return True


def pair_for(attempt: Attempt, *, password: str, client: ClientInfo) -> dict[str, Any] | None:
    """Open a sign-in for this attempt with this password, and return its tokens.

    Returns None if somebody must be asked or refused: hand the attempt on. No sign-in is left open then,
    and none after an error.
    """
    user = attempt.user
    if user is None or not _is_ordinary(user, attempt.email):
        return None
    attempt.succeed()
    if user.last_login is None:
        decoys.is_hit(attempt.email, password)  # takes as long as for a decoy
    sid = index.new_sid(index.new_tag())
    kind, amr = AuthSession.Kind.TOKEN, [Method.PASSWORD.value]
    try:
        session = sessions.open(user, kind=kind, client=client, amr=amr, sid=sid)
    except InactiveUserError:
        return None
    pair = None
    try:
        # Again, under the lock that adding a factor takes: see `receivers.open_session`.
        if not registry.factors_of(user):
            sign_in_notices.tell_owner(user, session, client=client, has_mark=False)
            pair = jwts.pair(session)
    finally:
        if pair is None:
            with suppress(DatabaseError):
                sessions.revoke(session, reason=sessions.Reason.UNFINISHED, client=client)
    return pair


def _is_ordinary(user: User, email: str) -> bool:
    """Return True if no stage of the pipeline would stop this user."""
    return (
        user.is_active
        and not is_refused(user)
        and has_verified_address(user, email)
        and not policy.applies(user)
        and not registry.kinds_of(user)
    )
