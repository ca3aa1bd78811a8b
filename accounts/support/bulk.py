"""Act on many users: choose them in the list, see who they are, give one reason, watch the progress."""

from typing import Any, cast
from urllib.parse import urlsplit

from allauth.core.context import request_context
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from accounts.operators import bulk
from accounts.operators.acting import By
from accounts.operators.models import BulkRun, BulkTarget
from accounts.outbox import jobs
from accounts.people import authority
from accounts.people.models import User
from accounts.request import client_of
from accounts.support.actions.action import RefusedError
from accounts.support.actions.registry import ACTIONS

ACTS = {name: ACTIONS[name] for name in ("end-sign-ins", "lock", "send-reset")}
NAMES = 10
State = BulkTarget.State


class ActsOnMany(DjangoUserAdmin[User]):
    """Add the acts to the list of users: for the chosen ones, or for all that match its filter."""

    actions = ["bulk_end_sign_ins", "bulk_lock", "bulk_send_reset"]

    @override
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.bulk)
        return [path("bulk/<uuid:id>/", view, name="accounts_user_bulk"), *super().get_urls()]

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
        run = bulk.prepare(act, ids, actor=actor, client=client_of(request))
        return redirect("admin:accounts_user_bulk", run.pk)

    def bulk(self, request: HttpRequest, id: Any) -> HttpResponseBase:  # noqa: A002 - Django's
        """Show the preview of a run with its form, or its progress. Only its operator starts it."""
        run = BulkRun.objects.filter(pk=id).select_related("asked_by").first()
        if run is None or run.act not in ACTS:
            raise Http404
        actor, action = cast("User", request.user), ACTS[run.act]
        if not self.has_view_permission(request):
            raise PermissionDenied
        is_mine = run.asked_by_id == actor.pk and actor.has_perm(action.permission)
        form = action.form_class(request.POST or None, initial={"seen": "-"})
        if request.method == "POST":
            if not is_mine:
                raise PermissionDenied
            if form.is_valid():
                values = {
                    key: form.cleaned_data[key] for key in {"until"} & form.cleaned_data.keys()
                }
                if not bulk.start(run, reason=form.cleaned_data["reason"], values=values):
                    messages.info(request, _("This was started already."))
                return redirect("admin:accounts_user_bulk", run.pk)
        counted = run.targets.aggregate(
            total=Count("pk"),
            done=Count("pk", filter=Q(state=State.DONE)),
            failed=Count("pk", filter=Q(state=State.FAILED)),
        )
        context = self.admin_site.each_context(request) | counted
        context |= {
            "title": action.label,
            "opts": self.opts,
            "run": run,
            "action": action,
            "form": form if is_mine and run.started_at is None else None,
            "first": run.targets.select_related("user").order_by("pk")[:NAMES],
            "failures": run.targets.filter(state=State.FAILED).select_related("user")[:NAMES],
            "acted": counted["done"] + counted["failed"],
        }
        return render(request, "admin/accounts/user/bulk.html", context)


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
