"""Filter the admin's list of users by their second factors."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.factors.registry import FACTORS


class SecondStepFilter(admin.SimpleListFilter):
    """Show who has a second factor. The list's "Show counts" says how many."""

    title = _("second step")
    parameter_name = "second_step"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Set up")), ("no", _("Not set up"))]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        kinds = [factor.id for factor in FACTORS.values() if factor.is_enough]
        has_one = Exists(Authenticator.objects.filter(user=OuterRef("pk"), type__in=kinds))
        if self.value() == "yes":
            return queryset.filter(has_one)
        return queryset.exclude(has_one) if self.value() == "no" else queryset
