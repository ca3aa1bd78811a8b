"""Export an account's data, delete the account, and add notes to it."""

from typing import Any

from django import forms
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from typing_extensions import override

from accounts.operators import sign_ins
from accounts.operators.acting import By, begin
from accounts.operators.models import OperatorNote
from accounts.pages import personal_data
from accounts.people import names
from accounts.people.models import User
from accounts.support.actions.action import Action, Answer, SeenForm


def _show_something(text: str) -> None:
    """Raise `ValidationError` for a note that nobody can see. It may have several lines."""
    names.validate(" ".join(text.split()))


class NoteForm(SeenForm):
    text = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "Nobody can change or remove it. The owner of the account can read it."
        ),
        validators=[_show_something],
    )


class Export(Action):
    name = "export"
    label = gettext_lazy("Download the data")
    explanation = gettext_lazy(
        "A JSON file of all that this site knows of the user. The owner gets a mail."
    )
    permission = sign_ins.PERMISSION_TO_EXPORT
    also_on_self = True

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        sign_ins.export(user, by)
        return personal_data.response(user)


class Delete(Action):
    name = "delete-account"
    label = gettext_lazy("Delete the account")
    permission = sign_ins.PERMISSION_TO_DELETE
    is_grave = True

    @property
    @override
    def words(self) -> str:
        days = settings.ACCOUNT_DELETION_DAYS
        text = ngettext(
            "All devices are signed out. The account is deleted after %(days)d day. A sign-in of the "
            "owner before then keeps it. Lock the account first to prevent that.",
            "All devices are signed out. The account is deleted after %(days)d days. A sign-in of the "
            "owner before then keeps it. Lock the account first to prevent that.",
            days,
        )
        return text % {"days": days}

    @override
    def is_useful(self, user: User) -> bool:
        return user.erase_at is None

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        erase_at = sign_ins.delete(user, by)
        when = date_format(timezone.localtime(erase_at), "DATETIME_FORMAT")
        return _("The account will be deleted on %(when)s.") % {"when": when}


class AddNote(Action):
    name = "add-note"
    label = gettext_lazy("Add a note")
    permission = "accounts.add_operatornote"
    form_class = NoteForm
    also_on_self = True
    has_button = False

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        with transaction.atomic():
            user = begin(user, by, self.permission, also_on_self=True)
            OperatorNote.objects.create(user=user, author=by.actor, text=values["text"])
        return _("The note is added.")
