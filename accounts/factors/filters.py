"""Filter the admin's list of users by their second factors."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.factors import policy
from accounts.factors.registry import FACTORS


class SecondStepFilter(admin.SimpleListFilter):
    """Show who has a second factor, who lacks one that the policy wants, and of which kind they are."""

    title = _("second step")
    parameter_name = "second_step"

    @override
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        kinds = [(factor.id, factor.label) for factor in FACTORS.values() if factor.is_enough]
        return [
            ("yes", _("Set up")),
            ("no", _("Not set up")),
            ("missing", _("Required, and not set up")),
            *kinds,
        ]

    @override
    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        kinds = [factor.id for factor in FACTORS.values() if factor.is_enough]
        value = self.value()
        if value is None:
            return queryset
        wanted = [value] if value in kinds else kinds
        has_one = Exists(Authenticator.objects.filter(user=OuterRef("pk"), type__in=wanted))
        if value == "missing":
            return queryset.filter(policy.named()).exclude(has_one)
        return queryset.exclude(has_one) if value == "no" else queryset.filter(has_one)
