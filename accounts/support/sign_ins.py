"""The admin of sign-ins: find them, and end them."""

from contextlib import suppress
from typing import TYPE_CHECKING, cast

from django.contrib import admin
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.errors import ConflictError, NotAllowedError
from accounts.operators import sign_ins
from accounts.operators.acting import By
from accounts.request import client_of
from accounts.signins.models import AuthSession
from accounts.support import search
from accounts.support.keyset import KeysetList
from accounts.support.read_only import ReadOnly
from accounts.support.reporting import ReasonedActionForm, reason_in, report_ended

if TYPE_CHECKING:
    from accounts.people.models import User


@admin.register(AuthSession)
class AuthSessionAdmin(KeysetList, ReadOnly, admin.ModelAdmin[AuthSession]):
    keyset = "created_at"
    list_display = ["user", "device", "kind", "ip", "created_at", "last_seen_at", "state"]
    list_filter = ["kind", "revoked_reason", ("created_at", admin.DateFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["user__email", "id", "ip"]
    actions = ["revoke"]
    action_form = ReasonedActionForm
    exclude = [
        *("refresh_jti", "previous_refresh_jti", "retry_key_hmac"),
        *("refresh_used_at", "refresh_repeats"),
    ]

    @override
    def found_by(self, text: str) -> Q:
        return search.sign_ins(text)

    @admin.display(description=_("device"), ordering="user_agent")
    def device(self, session: AuthSession) -> str:
        return session.device

    @admin.display(description=_("state"))
    def state(self, session: AuthSession) -> str:
        alive = _("signed in") if session.is_active else _("expired")
        return str(session.get_revoked_reason_display() or alive)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_authsession")

    @admin.action(description=_("End the selected sign-ins"), permissions=["revoke"])
    @transaction.atomic
    def revoke(self, request: HttpRequest, queryset: QuerySet[AuthSession]) -> None:
        """End all of them or none. Skips those of users with more rights."""
        if not (reason := reason_in(request)):
            return
        by = By(cast("User", request.user), reason, client_of(request))
        ended = 0
        for session in queryset.exclude(user=None).select_related("user").order_by("pk"):
            with suppress(NotAllowedError, ConflictError):
                ended += sign_ins.end(cast("User", session.user), by, session.pk)
        report_ended(self, request, ended)
