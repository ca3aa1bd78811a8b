"""Ask for the reason of an action on rows, and say how many rows it changed."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.people import names

REASON_MAX = 200


class ReasonedActionForm(ActionForm):
    """Django's choice of an action above a list, with its reason."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,  # `reason_in` has better words for a wrong one than Django's list
        widget=AdminTextInputWidget(attrs={"maxlength": REASON_MAX}),
    )


def reason_in(request: HttpRequest) -> str:
    """Return the reason of an action, or '' after a message that asks for one."""
    reason = request.POST.get("reason", "").strip()
    try:
        names.validate(reason)
        is_good = 0 < len(reason) <= REASON_MAX
    except ValidationError:
        is_good = False
    if not is_good:
        messages.error(request, _("Nothing was done. Write the reason beside the action."))
    return reason if is_good else ""


def report(model_admin: admin.ModelAdmin[Any], request: HttpRequest, text: str, done: int) -> None:
    """Show `text`, whose `%(count)d` is `done`. It is a warning if nothing was done."""
    level = messages.SUCCESS if done else messages.WARNING
    model_admin.message_user(request, text % {"count": done}, level)


def report_ended(model_admin: admin.ModelAdmin[Any], request: HttpRequest, ended: int) -> None:
    text = ngettext("%(count)d sign-in was ended.", "%(count)d sign-ins were ended.", ended)
    report(model_admin, request, text, ended)
