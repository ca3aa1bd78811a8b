"""The admin of audit events: read them."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import REASONS, LoginFailure, reason_label
from accounts.support import search
from accounts.support.keyset import KeysetList
from accounts.support.read_only import ReadOnly


class ReasonFilter(admin.SimpleListFilter):
    """Show the events with one reason. The choices are the reasons of failed sign-ins, and the chosen one."""

    title = _("why")
    parameter_name = "reason"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        chosen = request.GET.get(self.parameter_name, "")
        listed = [entry.value for entry in LoginFailure]
        others = [chosen] if chosen in REASONS and chosen not in listed else []
        return [(value, reason_label(value)) for value in listed + others]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset if value is None else queryset.filter(reason=value)


@admin.register(AuditEvent)
class AuditEventAdmin(KeysetList, ReadOnly, admin.ModelAdmin[AuditEvent]):
    keyset = "created_at"
    list_display = ["created_at", "type", "why", "identifier", "ip", "actor", "is_sealed"]
    list_filter = ["type", ReasonFilter, ("created_at", admin.DateFieldListFilter)]
    list_select_related = ["user", "actor"]
    search_fields = ["identifier", "sid", "ip", "request_id"]
    exclude = ["reason", "amr"]
    readonly_fields = ["why", "how", "seq", "sealed_at", "hash"]

    @override
    def found_by(self, text: str) -> Q:
        return search.events(text)

    @admin.display(description=_("sealed"), boolean=True)
    def is_sealed(self, event: AuditEvent) -> bool:
        return event.sealed_at is not None

    @admin.display(description=_("why"), ordering="reason")
    def why(self, event: AuditEvent) -> str:
        return str(event.reason_label)

    @admin.display(description=_("how"))
    def how(self, event: AuditEvent) -> str:
        return " + ".join(str(method) for method in event.methods)
