"""Mail the owner a link: to reset the password, or to prove an email."""

from typing import Any

from allauth.account.forms import ResetPasswordForm
from django import forms
from django.contrib.admin.widgets import AdminEmailInputWidget
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from accounts.audit.vocabulary import ResetStop
from accounts.operators import proposals
from accounts.operators.acting import By, begin
from accounts.people.models import User
from accounts.request import sign_in_of
from accounts.support.actions.action import Action, Answer, ReasonForm, RefusedError, SeenForm


class EmailForm(ReasonForm):
    email = forms.EmailField(
        label=gettext_lazy("New email"), max_length=254, widget=AdminEmailInputWidget
    )
    field_order = ["email", "reason"]


class SendReset(Action):
    name = "send-reset"
    label = gettext_lazy("Send a reset link")
    explanation = gettext_lazy("The owner gets the mail by which a password is reset.")
    permission = "accounts.mail_user"
    also_on_self = True

    @override
    def is_useful(self, user: User) -> bool:
        return user.is_active

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        with transaction.atomic():
            user = begin(user, by, self.permission, also_on_self=True)
            sign_in_of(request).operator_reason = by.reason
            form = ResetPasswordForm({"email": user.email})
            if form.is_valid():
                form.save(request)
        if sign_in_of(request).is_mail_withheld or not user.is_active:
            raise RefusedError(_("No mail was sent: this address got its share of today."))
        return _("The mail is on its way.")


class ProposeEmail(Action):
    name = "change-email"
    label = gettext_lazy("Change email")
    explanation = gettext_lazy(
        "The new address counts after its owner has opened the link in the mail to it. The former "
        "address gets a mail that can stop the change for a day."
    )
    permission = proposals.PERMISSION
    form_class: type[SeenForm] = EmailForm

    @override
    def is_useful(self, user: User) -> bool:
        return proposals.open_of(user) is None

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        asked = proposals.propose(user, by, email=values.get("email") or user.email)
        if isinstance(asked, proposals.Refusal):
            raise RefusedError(str(asked.label))
        return _("The mail is on its way.")


class SendVerification(ProposeEmail):
    name = "send-verification"
    label = gettext_lazy("Send a verification link")
    explanation = gettext_lazy(
        "The owner of the address gets a link that confirms it, and then sets a new password."
    )
    form_class = ReasonForm

    @override
    def is_useful(self, user: User) -> bool:
        proved = user.emailaddress_set.filter(email=user.email, verified=True)
        return super().is_useful(user) and not proved.exists()


class StopEmail(Action):
    name = "stop-email"
    label = gettext_lazy("Stop the change of email")
    permission = proposals.PERMISSION

    @override
    def is_useful(self, user: User) -> bool:
        return proposals.open_of(user) is not None

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        waiting = proposals.open_of(user)
        why = ResetStop.BY_OPERATOR
        if waiting is None or not proposals.stop(waiting, why, client=by.client, by=by):
            raise RefusedError(_("There was nothing to stop."))
        return _("The change is stopped.")
