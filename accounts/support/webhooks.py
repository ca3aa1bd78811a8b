"""Let operators add, stop and test endpoints of webhooks, and replay deliveries."""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from typing_extensions import override

from accounts.audit.vocabulary import WebhookStop
from accounts.request import client_of
from accounts.support import search
from accounts.support.keyset import KeysetList
from accounts.support.read_only import ReadOnly
from accounts.support.reporting import report
from accounts.webhooks import delivery, endpoints
from accounts.webhooks.events import TEST, Event
from accounts.webhooks.models import OVERLAP, WebhookDelivery, WebhookEndpoint

if TYPE_CHECKING:
    from accounts.people.models import User


class EndpointForm(forms.ModelForm[WebhookEndpoint]):
    """An endpoint, with one checkbox for each event."""

    events = forms.MultipleChoiceField(
        label=gettext_lazy("events"), choices=Event.choices, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = WebhookEndpoint
        fields = ["url", "description", "events", "has_personal_data"]

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        if refused := endpoints.refusal_of(url):
            raise forms.ValidationError(refused.label)
        return url


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(admin.ModelAdmin[WebhookEndpoint]):
    form = EndpointForm
    change_form_template = "admin/accounts/webhookendpoint/change_form.html"
    list_display = ["url", "description", "state", "failing_since", "created_at"]
    readonly_fields = ["state", "failing_since", "former_until", "created_at"]
    search_fields = ["url", "description"]
    actions = ["send_test", "stop", "start"]

    @admin.display(description=gettext_lazy("state"), ordering="stopped_at")
    def state(self, endpoint: WebhookEndpoint) -> str:
        return _("Active") if endpoint.is_active else str(endpoint.stopped_label)

    @override
    def get_readonly_fields(
        self, request: HttpRequest, obj: WebhookEndpoint | None = None
    ) -> list[str]:
        return [] if obj is None else list(self.readonly_fields)

    @override
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.rotate)
        own = path("<uuid:id>/rotate/", view, name="accounts_webhookendpoint_rotate")
        return [own, *super().get_urls()]

    @override
    def save_model(
        self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool
    ) -> None:
        if change:
            endpoints.change(obj, **_by(request))
        else:
            form.secret = endpoints.add(obj, **_by(request))

    @override
    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Keep the new secret for `response_add`. It is in no message, and nobody sees it again."""
        super().save_related(request, form, formsets, change)
        form.instance.fresh_secret = getattr(form, "secret", "")

    @override
    def response_add(
        self, request: HttpRequest, obj: WebhookEndpoint, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._show_secret(request, obj, obj.fresh_secret)  # type: ignore[attr-defined]  # save_related

    @override
    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Count the deliveries that go along. Django would list each of them, maybe thousands."""
        rows = list(objs)
        counts = {
            self.opts.verbose_name_plural: len(rows),
            WebhookDelivery._meta.verbose_name_plural: (  # noqa: SLF001 - Django's documented API
                WebhookDelivery.objects.filter(endpoint__in=rows).count()
            ),
        }
        may = self.has_delete_permission(request)
        return [str(row) for row in rows], counts, set() if may else {self.opts.verbose_name}, []

    @override
    def delete_model(self, request: HttpRequest, obj: WebhookEndpoint) -> None:
        endpoints.remove(obj, **_by(request))

    @override
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for endpoint in queryset:
            endpoints.remove(endpoint, **_by(request))

    @admin.action(description=gettext_lazy("Send a test event"), permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        sent = [delivery.send_test(endpoint) for endpoint in queryset if endpoint.is_active]
        text = ngettext("%(count)d test event waits.", "%(count)d test events wait.", len(sent))
        report(self, request, text, len(sent))

    @admin.action(description=gettext_lazy("Stop the selected endpoints"), permissions=["change"])
    def stop(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        by = _by(request)
        done = sum(endpoints.stop(each, reason=WebhookStop.OPERATOR, **by) for each in queryset)
        text = ngettext(
            "%(count)d endpoint was stopped.", "%(count)d endpoints were stopped.", done
        )
        report(self, request, text, done)

    @admin.action(description=gettext_lazy("Start the selected endpoints"), permissions=["change"])
    def start(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        done = sum(endpoints.start(each, **_by(request)) for each in queryset)
        text = ngettext(
            "%(count)d endpoint was started.", "%(count)d endpoints were started.", done
        )
        report(self, request, text, done)

    def rotate(self, request: HttpRequest, id: Any) -> HttpResponse:  # noqa: A002 - Django's
        """Ask how to renew the secret, then show the new one."""
        endpoint = WebhookEndpoint.objects.filter(pk=id).first()
        if endpoint is None:
            raise Http404
        if not self.has_change_permission(request, endpoint):
            raise PermissionDenied
        if request.method == "POST":
            overlap = OVERLAP * ("at_once" not in request.POST)
            secret = endpoints.rotate(endpoint, overlap=overlap, **_by(request))
            return self._show_secret(request, endpoint, secret)
        return self._page(request, endpoint, "rotate", {"title": _("Renew the secret")})

    def _show_secret(
        self, request: HttpRequest, endpoint: WebhookEndpoint, secret: str
    ) -> HttpResponse:
        context = {"title": _("Secret of the webhook endpoint"), "secret": secret}
        return self._page(request, endpoint, "secret", context)

    def _page(
        self, request: HttpRequest, endpoint: WebhookEndpoint, name: str, context: dict[str, Any]
    ) -> HttpResponse:
        context |= {"subtitle": str(endpoint), "opts": self.opts, "original": endpoint}
        shown = self.admin_site.each_context(request) | context
        return render(request, f"admin/accounts/webhookendpoint/{name}.html", shown)


class TypeFilter(admin.SimpleListFilter):
    """Show the deliveries of one event. Django's own filter would read the type of each row."""

    title = gettext_lazy("event")
    parameter_name = "type"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*Event.choices(), (TEST, TEST)]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset if value is None else queryset.filter(type=value)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(KeysetList, ReadOnly, admin.ModelAdmin[WebhookDelivery]):
    keyset = "occurred_at"
    list_display = [
        *("occurred_at", "type", "endpoint", "status", "attempts"),
        *("attempted_at", "status_code", "error"),
    ]
    list_filter = ["status", TypeFilter, "endpoint", ("occurred_at", admin.DateFieldListFilter)]
    list_select_related = ["endpoint"]
    search_fields = ["id", "user_id", "sid"]
    readonly_fields = ["event_id"]
    actions = ["replay"]

    @override
    def found_by(self, text: str) -> Q:
        return search.deliveries(text)

    @admin.display(description=gettext_lazy("event id"))
    def event_id(self, row: WebhookDelivery) -> str:
        return row.message_id

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_webhookdelivery")

    @admin.action(
        description=gettext_lazy("Deliver the selected events again"), permissions=["replay"]
    )
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        done = sum(map(delivery.replay, queryset))
        text = ngettext("%(count)d event waits.", "%(count)d events wait.", done)
        report(self, request, text, done)


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": cast("User", request.user), "client": client_of(request)}
