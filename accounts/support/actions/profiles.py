"""Change the further profile of an account (`PROFILE_FIELDS`)."""

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from accounts.operators import profiles
from accounts.operators.acting import By
from accounts.pages.profile_forms import HasProfileFields
from accounts.people import profile_fields
from accounts.people.models import User
from accounts.support.actions.action import Action, Answer, ReasonForm, RefusedError, SeenForm


class ProfileForm(HasProfileFields, ReasonForm):
    """Ask for all fields. Only those that the operator changes are checked and stored.

    So an operator can correct one field of an account that lacks another, required one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for each in self.asked:
            field = self.fields[each.name]
            field.required = False
            if isinstance(field.widget, forms.TextInput):
                field.widget.attrs["class"] = "vTextField"
        self.order_fields([each.name for each in self.asked])

    @override
    def is_checked(self, name: str) -> bool:
        return name in self.changed_data


class ChangeProfile(Action):
    name = "change-profile"
    label = gettext_lazy("Change the profile")
    explanation = gettext_lazy(
        "Change what the owner asks for, or what is wrong. The owner gets a mail."
    )
    permission = profiles.PERMISSION
    form_class: type[SeenForm] = ProfileForm

    @override
    def is_useful(self, user: User) -> bool:
        return bool(settings.PROFILE_FIELDS)

    @override
    def first(self, user: User) -> dict[str, Any]:
        return profile_fields.shown(user.extras)

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        names = {each.name for each in settings.PROFILE_FIELDS}
        changed = {name: value for name, value in values.items() if name in names}
        if not profiles.change(user, by, changed):
            raise RefusedError(_("Nothing was changed."))
        return _("The profile is changed.")
