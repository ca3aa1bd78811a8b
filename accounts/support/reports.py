"""List the reports "it wasn't me" for operators, who close them with a note."""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from typing_extensions import override

from accounts.people import authority, names
from accounts.reports import cases
from accounts.reports.models import Report
from accounts.request import client_of
from accounts.support import search
from accounts.support.keyset import KeysetList
from accounts.support.reporting import ReasonedActionForm, reason_in

if TYPE_CHECKING:
    from accounts.people.models import User

PERMISSION = "accounts.change_report"


class StateFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", gettext_lazy("Open")), ("closed", gettext_lazy("Closed"))]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Report]) -> QuerySet[Report]:
        chosen = self.value()
        if chosen not in {"open", "closed"}:
            return queryset
        return queryset.filter(closed_at__isnull=chosen == "open")


class ReportForm(forms.ModelForm[Report]):
    """The note and the state of a report: an operator can change nothing else."""

    is_closed = forms.BooleanField(
        label=gettext_lazy("Closed"),
        required=False,
        help_text=gettext_lazy("An administrator has dealt with it."),
    )

    class Meta:
        model = Report
        fields = ["note"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "is_closed" in self.fields:  # missing for a reader without the right to change
            self.fields["is_closed"].initial = not self.instance.is_open

    @override
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("is_closed") and "note" in cleaned:
            try:
                names.validate(cleaned["note"])
            except ValidationError as exc:
                self.add_error("note", exc)
            if not cleaned.get("note"):
                self.add_error("note", _("Write what you found and did."))
        return cleaned


@admin.register(Report)
class ReportAdmin(KeysetList, admin.ModelAdmin[Report]):
    keyset = "created_at"
    form = ReportForm
    list_display = ["created_at", "user", "what", "state", "closed_by", "note"]
    list_filter = [StateFilter, "about", ("created_at", admin.DateFieldListFilter)]
    list_select_related = ["user", "closed_by"]
    search_fields = ["user__email", "user__id", "id", "sid"]
    actions = ["close", "reopen"]
    action_form = ReasonedActionForm
    fields = [
        *("account", "what", "created_at", "sid", "event", "closed_at", "closed_by"),
        *("note", "is_closed"),
    ]
    readonly_fields = [
        *("account", "what", "created_at", "sid", "event", "closed_at", "closed_by"),
    ]

    @override
    def found_by(self, text: str) -> Q:
        return search.reports(text)

    @admin.display(description=gettext_lazy("what"), ordering="about")
    def what(self, report: Report) -> str:
        return report.about_label

    @admin.display(description=gettext_lazy("state"), ordering="closed_at")
    def state(self, report: Report) -> str:
        return _("Open") if report.is_open else _("Closed")

    @admin.display(description=gettext_lazy("user"))
    def account(self, report: Report) -> str:
        url = reverse("admin:accounts_user_change", args=[report.user_id])
        return format_html('<a href="{}">{}</a>', url, report.user)

    @admin.display(description=gettext_lazy("audit event"))
    def event(self, report: Report) -> str:
        url = reverse("admin:accounts_auditevent_change", args=[report.event_id])
        return format_html('<a href="{}">{}</a>', url, report.event_id)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: Report | None = None) -> bool:
        """Return False for the report of an account with more rights."""
        if obj is not None and not _may(request, obj):
            return False
        return super().has_change_permission(request, obj)

    @override
    def save_model(self, request: HttpRequest, obj: Report, form: Any, change: bool) -> None:
        Report.objects.filter(pk=obj.pk).update(note=obj.note)
        if form.cleaned_data["is_closed"]:
            cases.close(obj, note=obj.note, **_by(request))
        else:
            cases.reopen(obj, **_by(request))

    @admin.action(description=gettext_lazy("Close the selected reports"), permissions=["change"])
    def close(self, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        if not (note := reason_in(request)):
            return
        done = sum(
            cases.close(each, note=note, **_by(request)) for each in _theirs(request, queryset)
        )
        text = ngettext("%(count)d report was closed.", "%(count)d reports were closed.", done)
        self._say(request, text, done)

    @admin.action(
        description=gettext_lazy("Open the selected reports again"), permissions=["change"]
    )
    def reopen(self, request: HttpRequest, queryset: QuerySet[Report]) -> None:
        done = sum(cases.reopen(each, **_by(request)) for each in _theirs(request, queryset))
        text = ngettext(
            "%(count)d report was opened again.", "%(count)d reports were opened again.", done
        )
        self._say(request, text, done)

    def _say(self, request: HttpRequest, text: str, done: int) -> None:
        level = messages.SUCCESS if done else messages.WARNING
        self.message_user(request, text % {"count": done}, level)


def _theirs(request: HttpRequest, queryset: QuerySet[Report]) -> list[Report]:
    """Return the chosen reports that this operator may deal with."""
    return [each for each in queryset.select_related("user").order_by("pk") if _may(request, each)]


def _may(request: HttpRequest, report: Report) -> bool:
    """Return True if the operator may act on the account of this report: it has no more rights.

    On the own account only a superuser may, because a site may have no other.
    """
    actor = cast("User", request.user)
    return authority.may(actor, PERMISSION, report.user, also_on_self=actor.is_superuser)


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": cast("User", request.user), "client": client_of(request)}
