"""Guard every page of the admin.

It needs a second factor if the policy wants one, a fresh proof of each act, and values that the
columns can hold.
"""

from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import SEARCH_VAR
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import BadRequest, ValidationError
from django.db import DataError, ProgrammingError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from accounts.audit.vocabulary import Method
from accounts.factors import policy, registry
from accounts.people.models import User
from accounts.support import search

if TYPE_CHECKING:
    from accounts.request import Request

SAFE = {"GET", "HEAD", "OPTIONS"}
UNUSABLE = (DataError, OverflowError, ValidationError)
"""Errors of a value that does not fit its column."""
UNUSABLE_FILTER = (ProgrammingError, TypeError, ValueError)
"""Further errors of a filter, such as the year 10000."""
_checked = admin.site.admin_view


def admin_view(view: Any, cacheable: bool = False) -> Any:
    """Replace Django's `admin_view`, which checks only that the user is staff."""
    is_sign_out = getattr(view, "__name__", "") == "logout"
    guarded = (
        view if is_sign_out else _with_second_step(_with_fresh_proof(_with_usable_values(view)))
    )
    return _checked(guarded, cacheable)


def _with_fresh_proof(view: Any) -> Any:
    """Make a view of the admin ask for a fresh proof before it changes anything."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method not in SAFE:
            raise_if_reauthentication_required(request, app="")
        return view(request, *args, **kwargs)

    return inner


def _with_usable_values(view: Any) -> Any:
    """Answer 400 to an id or a filter that no row can have. Django's lists would answer 500."""
    model_admin: Any = getattr(view, "__self__", None)
    is_list = getattr(view, "__name__", "") == "changelist_view"

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        # Django validates no filter: it answers to any error of one, but asks the database later.
        unusable = UNUSABLE + (UNUSABLE_FILTER if is_list and request.GET else ())
        if is_list and len(text := request.GET.get(SEARCH_VAR, "")) > search.LONGEST:
            # Django's own search adds a condition for each word, and SQLite refuses thousands.
            query = request.GET.copy()
            query[SEARCH_VAR] = text[: search.LONGEST]
            request.GET = query  # type: ignore[assignment]  # a copy of the same
        try:
            for chosen in request.POST.getlist(ACTION_CHECKBOX_NAME) if is_list else ():
                model_admin.opts.pk.clean(chosen, None)
            return view(request, *args, **kwargs)
        except unusable as exc:
            raise BadRequest("a value that no row can have") from exc

    return inner


def _with_second_step(view: Any) -> Any:
    """Show the admin only to a sign-in that used a second factor, if its account has or needs one.

    A sign-in from before the policy gives a code, or adds an app, first.
    """

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        user = request.user
        session = cast("Request", request).auth_session
        is_proved = session is not None and Method.SECOND_STEP in session.amr
        if isinstance(user, User) and not is_proved and _needs_factor(user):
            return _asked_for_factor(request, user)
        return view(request, *args, **kwargs)

    return inner


def _needs_factor(user: User) -> bool:
    """Return True if this account has a factor, which a trusted browser skipped, or must have one.

    The admin knows no grace period.
    """
    return bool(registry.factors_of(user)) or policy.is_in_force(user)


def _asked_for_factor(request: HttpRequest, user: User) -> HttpResponse:
    if not registry.factors_of(user):
        return redirect("mfa_activate_totp")
    there = urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})
    return redirect(f"{reverse('mfa_reauthenticate')}?{there}")
