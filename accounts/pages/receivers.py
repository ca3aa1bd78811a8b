"""Receive the steps of a sign-in: its start, its proofs, its sign-out. See also `account_receivers`."""

from typing import Any, cast

from allauth.account import signals as account_signals
from allauth.account.adapter import get_adapter
from allauth.account.authentication import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    get_authentication_records,
)
from allauth.account.utils import filter_users_by_email
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from accounts.audit.vocabulary import Method
from accounts.errors import InactiveUserError
from accounts.factors import registry
from accounts.pages import factor_flows, offers, proofs, sign_in_notices, trusting
from accounts.pages.middleware import current, sid_of
from accounts.pages.standing import rights_of
from accounts.people.models import User
from accounts.request import Request, client_of, is_app, sign_in_of
from accounts.signins import sessions
from accounts.signins.models import AuthSession
from accounts.store.engine import RIGHTS, SID, SessionStore

AMR: dict[str, list[str]] = {
    "password": [Method.PASSWORD],
    "code": [Method.CODE],
    "legacy_token": [Method.LEGACY_TOKEN],
}
"""The values of `amr` (RFC 8176) for allauth's methods. A sign-in by a provider has the provider's id."""
MAX_RECORDS = 8
"""The number of authentication records that one session keeps, so that it stays small."""


@receiver(user_logged_in)
def open_session(request: Request, user: User, **kwargs: Any) -> None:
    """Open the sign-in and write its `sid` and the user's rights into the session.

    Every door ends in Django's `login()`, which sends this signal. Raises `InactiveUserError`, as
    `sessions.open` does.
    """
    client = client_of(request)
    session = sessions.open(
        user,
        kind=_kind(request),
        client=client,
        amr=_amr(request, user),
        through=_through(request, user),
        lacks_second_step=sign_in_of(request).trusted is not None,
        proved_at=sign_in_of(request).proved_at,
        sid=cast("SessionStore", request.session).new_sid(),
    )
    _require_second_step(request, session, user)
    session.second_step_due_at = factor_flows.due_moment_for(user)
    sign_in_notices.tell(request, user, session)
    sign_in_of(request).opened = session
    if SID in request.session and (replaced := current(request)):  # the same user signs in again
        sessions.revoke(replaced, reason=sessions.Reason.LOGOUT, client=client)
    request.session[SID] = str(session.pk)
    # Rotate the id here: Django does it only if this user was not signed in already.
    request.session.cycle_key()
    request.session[RIGHTS] = rights_of(user)  # as they are since `open` has read them again
    request.auth_session = session
    if session.is_account_kept:
        get_adapter().add_message(
            request, messages.SUCCESS, "accounts/messages/deletion_cancelled.txt"
        )


@receiver(user_logged_in, dispatch_uid="update_last_login")
def leave_last_login(**kwargs: Any) -> None:
    """Take the place of Django's receiver of this id, which would write `last_login` once more.

    `sessions.open` has written it with the sign-in. Django connects its receiver later, and finds this id.
    """


def _require_second_step(request: HttpRequest, session: AuthSession, user: User) -> None:
    """End the sign-in if its account has a second factor that it did not use.

    A trusted browser needs none (`trusting`). Also ends the sign-in by a passkey that was removed
    meanwhile.

    The pipeline asks before this. But the factor may have been added since, and a later door may
    forget the pipeline. Raises `InactiveUserError`. `factors` of the account are read after the
    sign-in was opened, under the lock that adding a factor takes, so no sign-in slips through.
    """
    if _is_by_removed_passkey(request, user):
        is_enough = False
    elif Method.SECOND_STEP in session.amr or not registry.factors_of(user):
        is_enough = True
    else:
        is_enough = trusting.used(request, session, user)
    if not is_enough:
        reason = sessions.Reason.UNFINISHED
        sessions.revoke(session, reason=reason, client=client_of(request))
        raise InactiveUserError


def _is_by_removed_passkey(request: HttpRequest, user: User) -> bool:
    """Return True if this sign-in is by a passkey alone that the account no longer has."""
    last = (get_authentication_records(request, user) or [{}])[-1]
    if not last.get("passwordless"):
        return False
    return not Authenticator.objects.filter(pk=last["id"], user_id=user.pk).exists()


@receiver(account_signals.authentication_step_completed)
def limit_records(request: HttpRequest, **kwargs: Any) -> None:
    """Keep only the last `MAX_RECORDS` records of allauth."""
    records = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    request.session[AUTHENTICATION_METHODS_SESSION_KEY] = records[-MAX_RECORDS:]


@receiver(account_signals.authentication_step_completed)
def refuse_code_of_former_address(
    request: HttpRequest, user: User, method: str, email: str = "", **kwargs: Any
) -> None:
    """Refuse a mailed code if its address no longer belongs to the account.

    allauth would sign in by the code, and add the former address to the account again. Deletes the
    session and raises `PermissionDenied`.
    """
    if method == "code" and user not in filter_users_by_email(email):
        request.session.flush()
        raise PermissionDenied


@receiver(account_signals.authentication_step_completed)
def accept_proof(
    request: HttpRequest, method: str, reauthenticated: bool = False, **kwargs: Any
) -> None:
    """Record a proof of a sign-in that exists already, and rotate the session id.

    Runs after `refuse_code_of_former_address`, so a refused code records no proof.
    """
    if reauthenticated:
        proofs.accept(request, method, kwargs)
        request.session.cycle_key()


@receiver(account_signals.user_logged_in)
def mark_last_used(
    request: HttpRequest, response: HttpResponse, sociallogin: Any = None, **kwargs: Any
) -> None:
    """Note the provider in a cookie, so that the sign-in page can mark its button."""
    if _kind(request) is not AuthSession.Kind.BROWSER:
        return
    name = settings.LAST_USED_COOKIE_NAME
    flags: dict[str, Any] = {"path": "/", "samesite": "Lax"}
    if sociallogin is not None:
        flags |= {"httponly": True, "secure": settings.HTTPS}
        provider = sociallogin.account.provider
        response.set_cookie(name, provider, max_age=settings.LAST_USED_COOKIE_AGE, **flags)
    elif name in request.COOKIES:
        response.delete_cookie(name, **flags)


@receiver(account_signals.user_logged_in)
def offer_passkey(request: HttpRequest, response: HttpResponse, user: User, **kwargs: Any) -> None:
    if _kind(request) is AuthSession.Kind.BROWSER:
        offers.open_after(request, response, user)


@receiver(user_logged_out)
def revoke_session(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    """End the sign-in of a browser that signs out. Django flushes the session afterwards."""
    if user is None:
        return
    if sid := sid_of(request):
        sessions.sign_out(sid, client=client_of(request), user=user)


def _kind(request: HttpRequest) -> AuthSession.Kind:
    if kind := sign_in_of(request).kind:
        return kind
    return AuthSession.Kind.TOKEN if is_app(request) else AuthSession.Kind.BROWSER


def _amr(request: HttpRequest, user: User) -> list[str]:
    values: list[str] = []
    for entry in get_authentication_records(request, user):
        method = entry.get("method", "")
        if method == "mfa":
            values += registry.amr_of(entry["type"])
        else:
            values += AMR.get(method, [str(entry.get("provider") or method)])
    return list(dict.fromkeys(values))


def _through(request: HttpRequest, user: User) -> tuple[str, str] | None:
    """Return the provider and uid of the connection that proved this sign-in, or None.

    Also finds the connection if another proof followed it.
    """
    for entry in reversed(get_authentication_records(request, user)):
        if entry.get("method") == "socialaccount":
            return entry["provider"], entry["uid"]
        if entry.get("method") != "mfa":
            break
    return None
