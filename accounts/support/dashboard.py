"""The admin's index: how many people sign in, how many fail and why."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.audit.vocabulary import EventType, reason_label
from accounts.support import charts, figures
from accounts.support.figures import DENIED, FAILED, SIGNED_UP, SUCCEEDED, Events, State


@dataclass(frozen=True)
class Card:
    """One number. `url` is the list of its rows, or '' if the reader may not see that list."""

    label: str
    value: int | None
    """None until the worker has counted."""
    url: str
    note: str = ""
    is_percent: bool = False


_stock_index = admin.site.index


def index(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """Show the stock index, with the dashboard above it for readers of the audit log."""
    if not request.user.has_perm("accounts.view_auditevent"):
        return _stock_index(request, extra_context)
    return _stock_index(request, {**(extra_context or {}), "dashboard": _dashboard(request)})


def _dashboard(request: HttpRequest) -> dict[str, Any]:
    chosen = figures.RANGES.get(request.GET.get("range", ""), figures.DEFAULT)
    found, state = figures.events(chosen, timezone.now()), figures.state()
    failed = found.total(FAILED)
    titles = {
        SUCCEEDED: _("Sign-ins"),
        FAILED: _("Failed sign-ins"),
        SIGNED_UP: _("Sign-ups"),
    }
    form = "TIME_FORMAT" if chosen.is_by_hour else "MONTH_DAY_FORMAT"
    return {
        "range": chosen,
        "ranges": figures.RANGES.values(),
        "cards": [*_event_cards(found), *_state_cards(request, state)],
        "counted_at": state and state.at,
        "charts": [
            charts.columns(
                type_.name.lower(),
                title,
                [(date_format(step, form), found.by_step[type_][step]) for step in found.steps],
            )
            for type_, title in titles.items()
        ],
        "reasons": charts.shares(
            (
                (reason_label(reason) or _("unknown"), number, _events(found, FAILED, reason))
                for reason, number in found.reasons.items()
            ),
            whole=failed,
        ),
        "methods": charts.shares(
            ((label, number, "") for label, number in found.methods.items()),
            whole=found.total(SUCCEEDED),
        ),
    }


def _event_cards(found: Events) -> list[Card]:
    labels = {
        SUCCEEDED: _("Sign-ins"),
        FAILED: _("Failed sign-ins"),
        SIGNED_UP: _("Sign-ups"),
        DENIED: _("Reports “it wasn't me”"),
    }
    return [
        Card(label, found.total(type_), _events(found, type_)) for type_, label in labels.items()
    ]


def _state_cards(request: HttpRequest, state: State | None) -> list[Card]:
    if state is None:
        labels = _("Active sign-ins"), _("Accounts with a second factor")
        return [Card(label, None, "") for label in (*labels, _("Staff with a second factor"))]
    user = request.user
    users = _list("user") if user.has_perm("accounts.view_user") else ""
    rows = _list("authsession") if user.has_perm("accounts.view_authsession") else ""
    of = _("%(number)s of %(whole)s")
    return [
        Card(_("Active sign-ins"), state.sign_ins, rows and f"{rows}?revoked_reason__exact="),
        Card(
            _("Accounts with a second factor"),
            charts.percent(state.users_with_factor, state.users),
            users and f"{users}?second_step=yes",
            of % {"number": f"{state.users_with_factor:,}", "whole": f"{state.users:,}"},
            is_percent=True,
        ),
        Card(
            _("Staff with a second factor"),
            charts.percent(state.staff_with_factor, state.staff),
            users and f"{users}?is_staff__exact=1&second_step=no",
            of % {"number": f"{state.staff_with_factor:,}", "whole": f"{state.staff:,}"},
            is_percent=True,
        ),
    ]


def _events(found: Events, type_: EventType, reason: str = "") -> str:
    """Return the address of the list of these events."""
    wanted = {"type__exact": type_.value, "created_at__gte": found.start.isoformat(" ")}
    return f"{_list('auditevent')}?{urlencode(wanted | ({'reason': reason} if reason else {}))}"


def _list(model: str) -> str:
    return reverse(f"admin:accounts_{model}_changelist")


admin.site.index = index  # type: ignore[assignment,method-assign]
admin.site.index_template = "admin/dashboard.html"
