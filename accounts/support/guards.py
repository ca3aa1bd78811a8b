"""Guard every page of the admin: a second factor if the policy wants one, a fresh proof of each act."""

from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from accounts.audit.vocabulary import Method
from accounts.factors import policy, registry
from accounts.people.models import User

if TYPE_CHECKING:
    from accounts.request import Request

SAFE = {"GET", "HEAD", "OPTIONS"}
_checked = admin.site.admin_view


def admin_view(view: Any, cacheable: bool = False) -> Any:
    """Stand in for Django's `admin_view`, which asks for the rights of staff only."""
    is_sign_out = getattr(view, "__name__", "") == "logout"
    guarded = view if is_sign_out else _with_second_step(_with_fresh_proof(view))
    return _checked(guarded, cacheable)


def _with_fresh_proof(view: Any) -> Any:
    """Make a view of the admin ask for a fresh proof before it changes anything."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method not in SAFE:
            raise_if_reauthentication_required(request, app="")
        return view(request, *args, **kwargs)

    return inner


def _with_second_step(view: Any) -> Any:
    """Show the admin only to a sign-in that used a second factor, if the policy wants one.

    A sign-in from before the policy gives a code, or adds an app, first.
    """

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        user = request.user
        if isinstance(user, User) and policy.is_due(user):
            session = cast("Request", request).auth_session
            if session is None or Method.SECOND_STEP not in session.amr:
                return _asked_for_factor(request, user)
        return view(request, *args, **kwargs)

    return inner


def _asked_for_factor(request: HttpRequest, user: User) -> HttpResponse:
    if not registry.factors_of(user):
        return redirect("mfa_activate_totp")
    there = urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})
    return redirect(f"{reverse('mfa_reauthenticate')}?{there}")
