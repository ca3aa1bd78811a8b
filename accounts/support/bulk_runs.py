"""The admin of acts on many users: list them, show the preview, start one, watch it, stop it."""

from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from accounts.operators import bulk
from accounts.operators.models import BulkRun, BulkTarget
from accounts.support.bulk import ACTS
from accounts.support.keyset import KeysetList
from accounts.support.read_only import ReadOnly

if TYPE_CHECKING:
    from accounts.people.models import User

NAMES = 10
FILTER_OF_ALL = "*"


@admin.register(BulkRun)
class BulkRunAdmin(KeysetList, ReadOnly, admin.ModelAdmin[BulkRun]):
    """List the runs of the last days. An operator who may see users sees the runs of all operators."""

    keyset = "created_at"
    list_display = ["created_at", "what", "asked_by", "reason", "chosen", "progress", "state"]
    list_select_related = ["asked_by"]

    @admin.display(description=gettext_lazy("what"))
    def what(self, run: BulkRun) -> str:
        return str(ACTS[run.act].label) if run.act in ACTS else run.act

    @admin.display(description=gettext_lazy("users"))
    def chosen(self, run: BulkRun) -> str:
        return chosen_in_words(run)

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, run: BulkRun) -> str:
        text = _("%(done)d of %(total)d done, %(failed)d failed")
        return text % {"done": run.done, "total": run.total, "failed": run.failed}

    @admin.display(description=gettext_lazy("state"))
    def state(self, run: BulkRun) -> str:
        return run.state

    @override
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("accounts.view_user")

    @override
    def get_urls(self) -> list[Any]:
        """Return the addresses of the list and of one run: nothing else is for people."""
        names = {"accounts_bulkrun_changelist", "accounts_bulkrun_change"}
        return [url for url in super().get_urls() if getattr(url, "name", "") in names]

    @override
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the preview of a run with its form, or its progress. Only its operator starts it."""
        run = _run_of(object_id)
        if not self.has_view_permission(request):
            raise PermissionDenied
        actor, action = cast("User", request.user), ACTS[run.act]
        may_act = actor.has_perm(action.permission)
        is_mine = run.asked_by_id == actor.pk and may_act
        if request.method == "POST" and "stop" in request.POST:
            return self._stopped(request, run, may_act=may_act)
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
                return redirect("admin:accounts_bulkrun_change", run.pk)
        context = self.admin_site.each_context(request) | {
            "title": action.label,
            "opts": self.opts,
            "run": run,
            "chosen": chosen_in_words(run),
            "action": action,
            "form": form if is_mine and run.started_at is None else None,
            "may_stop": may_act and run.is_under_way,
            "first": run.targets.select_related("user").order_by("pk")[:NAMES],
            "failures": _failures_of(run),
        }
        return render(request, "admin/accounts/bulkrun/run.html", context)

    def _stopped(
        self, request: HttpRequest, run: BulkRun, *, may_act: bool
    ) -> HttpResponseRedirect:
        """Stop the run. Any operator may who could do its act: the one who asked may be away."""
        if not may_act:
            raise PermissionDenied
        if bulk.stop(run, actor=cast("User", request.user)):
            messages.success(request, _("The act is stopped. What is done stays done."))
        else:
            messages.info(request, _("It was over already."))
        return redirect("admin:accounts_bulkrun_change", run.pk)


def chosen_in_words(run: BulkRun) -> str:
    """Return how the operator chose the users."""
    if not run.chosen_by:
        return _("a selection")
    parts = [] if run.chosen_by == FILTER_OF_ALL else parse_qsl(run.chosen_by)
    words = " · ".join(f"{name}={value}" for name, value in parts)
    return _("all that match %(filter)s") % {"filter": words} if words else _("all users")


def _failures_of(run: BulkRun) -> Any:
    failed = run.targets.filter(state=BulkTarget.State.FAILED)
    return failed.select_related("user").order_by("pk")[:NAMES]


def _run_of(object_id: str) -> BulkRun:
    try:
        run = BulkRun.objects.select_related("asked_by", "stopped_by").get(pk=object_id)
    except (BulkRun.DoesNotExist, ValidationError) as exc:
        raise Http404 from exc
    if run.act not in ACTS:  # of another release
        raise Http404
    return run
