"""Lock and unlock an account, and lift the limits of its attempts and mails."""

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from accounts.operators import lifting, locks
from accounts.operators.acting import By
from accounts.people.models import User
from accounts.support.actions.action import Action, Answer, ReasonForm, RefusedError

HOUR, DAY = 3600, 24 * 3600


class LockForm(ReasonForm):
    until = forms.ChoiceField(
        label=gettext_lazy("Lock for"),
        choices=[
            (str(HOUR), gettext_lazy("1 hour")),
            (str(DAY), gettext_lazy("1 day")),
            (str(7 * DAY), gettext_lazy("7 days")),
            ("0", gettext_lazy("until an operator unlocks it")),
        ],
        initial=str(DAY),
    )
    field_order = ["until", "reason"]


class Lock(Action):
    name = "lock"
    label = gettext_lazy("Lock")
    explanation = gettext_lazy(
        "All devices are signed out, and nobody can sign in to this account until then. "
        "The owner gets a mail."
    )
    permission = locks.PERMISSION
    form_class = LockForm
    is_grave = True

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        seconds = int(values["until"])
        until = timezone.now() + timedelta(seconds=seconds) if seconds else None
        locks.lock(user, by, until=until)
        return _("The account is locked.")


class Unlock(Action):
    name = "unlock"
    label = gettext_lazy("Unlock")
    explanation = gettext_lazy("The owner can sign in again, and gets a mail.")
    permission = locks.PERMISSION

    @override
    def is_useful(self, user: User) -> bool:
        return not user.is_active

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        if not locks.unlock(user, by):
            raise RefusedError(_("The account is not locked."))
        return _("The account is unlocked.")


class LiftLimits(Action):
    name = "lift-limits"
    label = gettext_lazy("Lift limits")
    explanation = gettext_lazy(
        "Wrong passwords, wrong codes, mails and changes count from zero again for this account, on "
        "every device and in every network. What a network did to other accounts stays counted."
    )
    permission = lifting.PERMISSION
    also_on_self = True

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        lifting.lift(user, by)
        return _("The limits are lifted.")
