"""Show groups in the admin as Django does. Only superusers change them, and nobody the roles."""

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from typing_extensions import override

from accounts.operators import roles
from accounts.people import names

if TYPE_CHECKING:
    from accounts.people.models import User


class GroupForm(forms.ModelForm[Group]):
    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        names.validate(name)
        return name


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin):
    """Let only superusers change groups: others could give any permission to their own group.

    Nobody changes the roles of `accounts.operators.roles`: they mean the same on every site.
    """

    form = GroupForm

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return cast("User", request.user).is_superuser

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_role = obj is not None and obj.name in roles.ROLES
        return cast("User", request.user).is_superuser and not is_role

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    @override
    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        super().delete_queryset(request, queryset.exclude(name__in=roles.ROLES))
