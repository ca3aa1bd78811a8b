"""The panel's one search box: users, sign-ins and events in one answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.audit.models import AuditEvent
from accounts.people.models import User
from accounts.signins.models import AuthSession
from accounts.support import search

SHOWN = 20
"""Rows of each group. The list of the group has the others."""


@dataclass(frozen=True)
class Group:
    """A model that the search finds, with the columns of its results."""

    model: type[Model]
    found_by: Callable[[str], Q]
    order: str
    columns: list[tuple[Any, Callable[[Any], Any]]]
    """The heading and the value of each column. The first one is a link."""
    related: tuple[str, ...] = ()

    @property
    def admin(self) -> admin.ModelAdmin[Any]:
        return admin.site.get_model_admin(self.model)

    @property
    def name(self) -> str:
        return f"admin:accounts_{self.model._meta.model_name}"  # noqa: SLF001 - Django's documented API

    def may_view(self, request: HttpRequest) -> bool:
        return self.admin.has_view_permission(request)

    def search(self, request: HttpRequest, text: str) -> "Found":
        rows = self.admin.get_queryset(request).filter(self.found_by(text))
        rows = rows.select_related(*self.related) if self.related else rows
        found = list(rows.order_by(f"-{self.order}", "-pk")[: SHOWN + 1])
        return Found(
            self,
            [
                ([(name, value(row)) for name, value in self.columns], self.url_of(row))
                for row in found[:SHOWN]
            ],
            f"{reverse(f'{self.name}_changelist')}?{urlencode({'q': text})}"
            if len(found) > SHOWN
            else "",
        )

    def url_of(self, row: Model) -> str:
        return reverse(f"{self.name}_change", args=[row.pk])


@dataclass(frozen=True)
class Found:
    """The results in one group: cells as pairs of heading and value, and the address. `more` is the address of all of them, or '' if all are here."""

    group: Group
    rows: list[tuple[list[tuple[Any, Any]], str]]
    more: str = ""
    title: Any = field(init=False)
    headings: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        meta = self.group.model._meta  # noqa: SLF001 - Django's documented API
        object.__setattr__(self, "title", meta.verbose_name_plural)
        object.__setattr__(self, "headings", [name for name, _value in self.group.columns])


def _state_of(user: User) -> str:
    if not user.is_active:
        return _("Disabled")
    return _("Deletion pending") if user.erase_at else _("Active")


def _state_of_sign_in(row: AuthSession) -> str:
    return str(cast("Any", admin.site.get_model_admin(AuthSession)).state(row))


USERS = Group(
    User,
    search.users,
    "date_joined",
    [
        (gettext_lazy("email"), lambda user: user.email),
        (gettext_lazy("display name"), lambda user: user.display_name),
        (gettext_lazy("state"), _state_of),
        (gettext_lazy("joined"), lambda user: user.date_joined),
    ],
)
SIGN_INS = Group(
    AuthSession,
    search.sign_ins,
    "created_at",
    [
        (gettext_lazy("signed in"), lambda row: row.created_at),
        (gettext_lazy("user"), lambda row: row.user),
        (gettext_lazy("device"), lambda row: row.device),
        (gettext_lazy("IP address"), lambda row: row.ip),
        (gettext_lazy("state"), _state_of_sign_in),
    ],
    related=("user",),
)
EVENTS = Group(
    AuditEvent,
    search.events,
    "created_at",
    [
        (gettext_lazy("when"), lambda row: row.created_at),
        (gettext_lazy("what"), lambda row: row.label),
        (gettext_lazy("why"), lambda row: row.reason_label),
        (gettext_lazy("account"), lambda row: row.identifier),
        (gettext_lazy("IP address"), lambda row: row.ip),
    ],
)
GROUPS = [USERS, EVENTS, SIGN_INS]


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show what the text finds, or go straight to the one thing that it names."""
    groups = [group for group in GROUPS if group.may_view(request)]
    if not groups:
        raise PermissionDenied
    text = search.text_of(request.GET.get("q", ""))
    if straight := _straight(text, groups):
        return redirect(straight)
    context = admin.site.each_context(request) | {
        "title": _("Search"),
        "q": text,
        "found": [group.search(request, text) for group in groups] if text else [],
    }
    return render(request, "admin/search.html", context)


def _straight(text: str, groups: list[Group]) -> str:
    """Return the address of the page of the row whose id or email is this text, or ''."""
    if key := search.uuid_of(text):
        for group in groups:
            row = None if group is EVENTS else group.model._default_manager.filter(pk=key).first()  # noqa: SLF001
            if row is not None:
                return group.url_of(row)
    elif "@" in text and USERS in groups and (user := search.owner_of(text)):
        return USERS.url_of(user)
    return ""


_stock_urls = admin.site.get_urls


def get_urls() -> list[Any]:
    return [path("search/", admin.site.admin_view(page), name="search"), *_stock_urls()]


admin.site.get_urls = get_urls  # type: ignore[method-assign]
