"""Say what each act has: words, a form and a right. The acts are in the files beside this one."""

from typing import Any, ClassVar

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy

from accounts.operators.acting import By
from accounts.people import authority, names
from accounts.people.models import User

Answer = str | HttpResponseBase


class RefusedError(Exception):
    """Raise this if the act did nothing. The text says why, in the operator's language."""


class SeenForm(forms.Form):
    """A form that knows the state in which the operator saw the account (`acting.state_of`)."""

    seen = forms.CharField(max_length=16, widget=forms.HiddenInput)


class ReasonForm(SeenForm):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        widget=AdminTextInputWidget,
        help_text=gettext_lazy("It goes into the audit log. The owner of the account can read it."),
        validators=[names.validate],
    )


class Action:
    """One act. `do` calls the domain, and returns the words of success or an answer of its own."""

    name: ClassVar[str]
    label: Any
    explanation: Any = ""
    """The effects, for the operator. Override `words` if they depend on a setting."""
    permission: str
    form_class: type[SeenForm] = ReasonForm
    also_on_self = False
    is_grave = False
    has_button = True

    @property
    def words(self) -> Any:
        return self.explanation

    def may(self, actor: User, user: User) -> bool:
        return authority.may(actor, self.permission, user, also_on_self=self.also_on_self)

    def is_useful(self, user: User) -> bool:
        """Return False if the act would change nothing, so that the page offers it to nobody."""
        return True

    def first(self, user: User) -> dict[str, Any]:
        """Return the values that the form of this account begins with."""
        return {}

    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        raise NotImplementedError
