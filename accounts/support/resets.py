"""Let operators ask for a reset of second factors, see all resets, and stop them."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextInputWidget
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from typing_extensions import override

from accounts.audit.vocabulary import ResetStop
from accounts.factors import resets
from accounts.factors.models import FactorReset
from accounts.people import authority, names
from accounts.people.models import User
from accounts.request import client_of
from accounts.support import search
from accounts.support.keyset import KeysetList
from accounts.support.read_only import ReadOnly
from accounts.support.reporting import ReasonedActionForm, reason_in, report

PERMISSION_TO_STOP = "accounts.change_factorreset"


class ResetForm(forms.ModelForm[FactorReset]):
    class Meta:
        model = FactorReset
        fields = ["reason"]
        widgets = {"reason": AdminTextInputWidget}

    def clean_reason(self) -> str:
        reason: str = self.cleaned_data["reason"]
        names.validate(reason)
        return reason


class ResetsFactors(DjangoUserAdmin[User]):
    """Add the page to the admin of users that asks for a reset, with its reason."""

    change_form_template = "admin/accounts/user/change_form.html"

    @override
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.reset_factors)
        own = path("<uuid:id>/reset-factors/", view, name="accounts_user_reset_factors")
        return [own, *super().get_urls()]

    @override
    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        user = context["original"]
        actor = cast("User", request.user)
        context["may_reset_factors"] = (
            user is not None and resets.has_factor(user) and resets.may_ask(actor, user)
        )
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response

    def reset_factors(self, request: HttpRequest, id: Any) -> HttpResponse:  # noqa: A002 - Django's
        user = User.objects.filter(pk=id).first()
        actor = cast("User", request.user)
        if user is None:
            raise Http404
        if not resets.may_ask(actor, user):
            raise PermissionDenied
        form = ResetForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            reason = form.cleaned_data["reason"]
            asked = resets.ask(user, reason=reason, actor=actor, client=client_of(request))
            if isinstance(asked, resets.Refusal):
                messages.error(request, asked.label)
            else:
                text = _("The second factors of %(email)s will be removed on %(when)s.")
                when = date_format(timezone.localtime(asked.due_at), "DATETIME_FORMAT")
                messages.success(request, text % {"email": user.email, "when": when})
            return redirect(reverse("admin:accounts_user_change", args=[user.pk]))
        context = self.admin_site.each_context(request) | {
            "title": _("Reset second factors"),
            "subtitle": str(user),
            "opts": self.opts,
            "original": user,
            "form": form,
            "pending": resets.pending_of(user),
        }
        return render(request, "admin/accounts/user/reset_factors.html", context)


@admin.register(FactorReset)
class FactorResetAdmin(KeysetList, ReadOnly, admin.ModelAdmin[FactorReset]):
    keyset = "created_at"
    list_display = ["user", "state", "due_at", "asked_by", "reason", "created_at"]
    list_filter = ["outcome", ("created_at", admin.DateFieldListFilter)]
    list_select_related = ["user", "asked_by"]
    search_fields = ["user__email", "asked_by__email", "user__id", "id"]
    actions = ["stop"]
    action_form = ReasonedActionForm
    exclude = ["stop_digest"]

    @override
    def found_by(self, text: str) -> Q:
        return search.resets(text)

    @admin.display(description=gettext_lazy("state"), ordering="ended_at")
    def state(self, reset: FactorReset) -> str:
        return str(reset.get_outcome_display() or _("Pending"))

    def has_stop_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PERMISSION_TO_STOP)

    @admin.action(description=gettext_lazy("Stop the selected resets"), permissions=["stop"])
    def stop(self, request: HttpRequest, queryset: QuerySet[FactorReset]) -> None:
        """Stop them. Skips those of users with more rights, and the own one."""
        if not (reason := reason_in(request)):
            return
        actor, client, why = cast("User", request.user), client_of(request), ResetStop.BY_OPERATOR
        stopped = sum(
            resets.stop(reset, why, client=client, actor=actor, note=reason)
            for reset in queryset.select_related("user").order_by("pk")
            if authority.may(actor, PERMISSION_TO_STOP, reset.user)
        )
        text = ngettext("%(count)d reset was stopped.", "%(count)d resets were stopped.", stopped)
        report(self, request, text, stopped)
