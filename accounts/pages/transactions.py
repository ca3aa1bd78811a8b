"""Run each of allauth's views that change an account in one transaction.

allauth saves the new password, then sends the signal by which we end the other sign-ins. If the
database failed in between, the password would be changed and a thief would stay signed in.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.headless.constants import Client
from allauth.headless.internal import decorators
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, URLResolver

from accounts import routes

View = Callable[..., HttpResponseBase]

CHANGES = {
    # pages
    "account_change_password",
    "account_email",
    "account_email_verification_sent",
    "account_reset_password_from_key",
    "account_set_password",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_deactivate_totp",
    "mfa_generate_recovery_codes",
    "mfa_remove_webauthn",
    "socialaccount_connections",
    # the headless API
    "change_password",
    "manage_email",
    "manage_providers",
    "manage_recovery_codes",
    "manage_totp",
    "reset_password",
    "verify_email",
}
"""Views that change an account, by the name of their URL."""
SAFE = {"GET", "HEAD", "OPTIONS"}


def protect(patterns: Iterable[URLPattern | URLResolver]) -> None:
    """Run the views in `CHANGES`, of these routes, in one transaction each."""
    for route in routes.views_in(patterns):
        if route.name in CHANGES:
            route.callback = _protected(route.callback)


def _protected(view: Any) -> View:
    """Put the transaction inside allauth's wrapper of a headless view, which saves the session."""
    client = getattr(view, "view_initkwargs", {}).get("client")
    if client is None:
        return one_transaction(view)
    wrap: Any = decorators.app_view if client == Client.APP else decorators.browser_view
    wrapped: View = wrap(one_transaction(view.view_class.as_view(**view.view_initkwargs)))
    return wrapped


def one_transaction(view: View) -> View:
    """Undo all that the view wrote if it raises, in the database and in the session."""

    @wraps(view)
    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method in SAFE:
            return view(request, *args, **kwargs)
        key = request.session.session_key
        try:
            with transaction.atomic():
                response = _answer(view, request, *args, **kwargs)
                # Before the commit: if Redis fails, nothing has changed.
                if request.session.modified and not request.session.is_empty():
                    request.session.save()
        except Exception:
            request.session = type(request.session)(key)
            list(messages.get_messages(request))  # drop what says that it is done
            raise
        return response

    return run


def _answer(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    try:
        return view(request, *args, **kwargs)
    except ImmediateHttpResponse as exc:  # an answer, not a failure
        response: HttpResponseBase = exc.response
        return response
