"""Act on many users: choose them in the list of users. `bulk_runs` shows the preview and the progress."""

from typing import Any, cast
from urllib.parse import urlsplit

from allauth.core.context import request_context
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.operators import bulk
from accounts.operators.acting import By
from accounts.operators.models import BulkRun
from accounts.outbox import jobs
from accounts.people import authority
from accounts.people.models import User
from accounts.request import client_of
from accounts.support.actions.action import RefusedError
from accounts.support.actions.registry import ACTIONS

ACTS = {name: ACTIONS[name] for name in ("end-sign-ins", "lock", "send-reset")}


class ActsOnMany(DjangoUserAdmin[User]):
    """Add the acts to the list of users: for the chosen ones, or for all that match its filter."""

    actions = ["bulk_end_sign_ins", "bulk_lock", "bulk_send_reset"]

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ACTS["end-sign-ins"].permission)

    def has_lock_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ACTS["lock"].permission)

    def has_mail_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ACTS["send-reset"].permission)

    @admin.action(description=gettext_lazy("End all sign-ins…"), permissions=["end"])
    def bulk_end_sign_ins(self, request: HttpRequest, queryset: QuerySet[User]) -> Any:
        return self._prepare(request, queryset, "end-sign-ins")

    @admin.action(description=gettext_lazy("Lock…"), permissions=["lock"])
    def bulk_lock(self, request: HttpRequest, queryset: QuerySet[User]) -> Any:
        return self._prepare(request, queryset, "lock")

    @admin.action(description=gettext_lazy("Send a reset link…"), permissions=["mail"])
    def bulk_send_reset(self, request: HttpRequest, queryset: QuerySet[User]) -> Any:
        return self._prepare(request, queryset, "send-reset")

    def _prepare(self, request: HttpRequest, queryset: QuerySet[User], act: str) -> Any:
        """Store the chosen users, without those of more rights, and show them."""
        actor = cast("User", request.user)
        chosen = queryset.filter(authority.below(actor)).order_by().values_list("pk", flat=True)
        ids = list(dict.fromkeys(chosen[: bulk.MOST + 1]))
        if len(ids) > bulk.MOST:
            text = _("These are more than %(most)d users. Narrow the list.")
            messages.error(request, text % {"most": bulk.MOST})
            return None
        is_filter = request.POST.get("select_across") == "1"
        chosen_by = request.GET.urlencode() or "*" if is_filter else ""
        run = bulk.prepare(act, ids, actor=actor, client=client_of(request), chosen_by=chosen_by)
        return redirect("admin:accounts_bulkrun_change", run.pk)


def _act(run: BulkRun, user: User, by: By) -> None:
    """Do the act of the run to this user, as from the page of the user. Called by the worker."""
    request = HttpRequest()
    request.user = by.actor
    request.META = {"HTTP_HOST": urlsplit(settings.SITE_URL).netloc, "REMOTE_ADDR": run.ip or ""}
    request.META["HTTP_USER_AGENT"] = run.user_agent
    with request_context(request):
        try:
            ACTS[run.act].do(request, user, by, run.values)
        except RefusedError as exc:
            raise bulk.RefusedError(str(exc)) from exc


jobs.register(bulk.BulkHandler(_act))
