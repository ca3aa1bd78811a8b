"""Let operators add and revoke the API keys of machines."""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.people import names
from accounts.request import client_of
from accounts.services import keys
from accounts.services.models import ApiKey
from accounts.support.read_only import ReadOnly

if TYPE_CHECKING:
    from accounts.people.models import User


class ApiKeyForm(forms.ModelForm[ApiKey]):
    # One field with one label: the admin's own two have none that a screen reader finds.
    expires_at = forms.DateTimeField(
        label=lazy(capfirst, str)(_("expires")),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    class Meta:
        model = ApiKey
        fields = ["name", "scope", "expires_at"]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        names.validate(name)
        return name

    def clean_expires_at(self) -> Any:
        moment = self.cleaned_data["expires_at"]
        if moment is not None and moment <= timezone.now():
            raise forms.ValidationError(_("Choose a time in the future."))
        return moment


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly, admin.ModelAdmin[ApiKey]):
    """A key is never changed: add another one, and revoke this one."""

    form = ApiKeyForm
    list_display = ["name", "prefix", "scope", "state", "last_used_at", "expires_at"]
    search_fields = ["name", "prefix"]
    actions = ["revoke"]
    shown = ["name", "id", "prefix", "scope", "state", "last_used_at", "expires_at"]

    @admin.display(description=_("state"))
    def state(self, key: ApiKey) -> str:
        return key.state

    @override
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Return True if the operator may revoke: the right to change keys, which no form uses."""
        return request.user.has_perm("accounts.change_apikey")

    @override
    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        own = ["created_at", "created_by", "revoked_at"]
        return ["name", "scope", "expires_at"] if obj is None else [*self.shown, *own]

    @override
    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        form.secret = keys.add(obj, **_by(request))

    @override
    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Keep the secret for `response_add`. It is in no message, and nobody sees it again."""
        super().save_related(request, form, formsets, change)
        form.instance.fresh_secret = form.secret

    @override
    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        context = {
            "title": gettext("Secret of the API key"),
            "secret": obj.fresh_secret,  # type: ignore[attr-defined]  # save_related
            "subtitle": str(obj),
            "opts": self.opts,
            "original": obj,
        }
        shown = self.admin_site.each_context(request) | context
        return render(request, "admin/accounts/apikey/secret.html", shown)

    @admin.action(description=_("Revoke the selected keys"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        count = sum(keys.revoke(each, **_by(request)) for each in queryset)
        text = ngettext("%d key was revoked.", "%d keys were revoked.", count) % count
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"by": cast("User", request.user), "client": client_of(request)}
