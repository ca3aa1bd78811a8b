"""End the sign-ins of an account: one, or all."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from typing_extensions import override

from accounts.operators import sign_ins
from accounts.operators.acting import By
from accounts.people.models import User
from accounts.support.actions.action import Action, Answer, ReasonForm, RefusedError


class SignInForm(ReasonForm):
    sid = forms.UUIDField(widget=forms.HiddenInput)


class EndSignIn(Action):
    name = "end-sign-in"
    label = gettext_lazy("End this sign-in")
    explanation = gettext_lazy("The device is signed out within a second. The owner gets a mail.")
    permission = sign_ins.PERMISSION
    form_class = SignInForm
    also_on_self = True
    has_button = False

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        if not sign_ins.end(user, by, values["sid"]):
            raise RefusedError(_("This sign-in has ended already."))
        return ended_in_words(1)


class EndSignIns(Action):
    name = "end-sign-ins"
    label = gettext_lazy("End all sign-ins")
    explanation = gettext_lazy("All devices are signed out within a second. The owner gets a mail.")
    permission = sign_ins.PERMISSION
    also_on_self = True

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        return ended_in_words(sign_ins.end_all(user, by))


def ended_in_words(ended: int) -> str:
    text = ngettext("%(count)d sign-in was ended.", "%(count)d sign-ins were ended.", ended)
    return text % {"count": ended}
