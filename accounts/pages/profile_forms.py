"""Add the fields of `PROFILE_FIELDS` to forms and to the headless API's inputs."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from typing_extensions import override

from accounts.people import profile_fields
from accounts.people.models import User
from accounts.people.profile_fields import BOOLEAN, CHOICE, ProfileField


class HasProfileFields(forms.Form):
    """Ask for fields of the profile, and check them as everywhere else. `extras` has the values then."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = list(self.fields_to_ask())
        for each in self.asked:
            self.fields[each.name] = _form_field(each)

    def fields_to_ask(self) -> Iterable[ProfileField]:
        return settings.PROFILE_FIELDS

    @override
    def clean(self) -> Any:
        cleaned = super().clean()
        for each in self.asked:
            if not self.is_checked(each.name):
                self.cleaned_data.pop(each.name, None)
            elif each.name not in self.errors:
                try:
                    value = each.clean(self.cleaned_data.get(each.name))
                except ValidationError as exc:
                    self.add_error(each.name, exc)
                else:
                    self.cleaned_data[each.name] = value
        return cleaned

    def is_checked(self, name: str) -> bool:
        """Return False for a field that the form leaves as it is."""
        return True

    @property
    def extras(self) -> dict[str, Any]:
        return {each.name: self.cleaned_data[each.name] for each in self.asked}


class SignUpFields(HasProfileFields):
    """allauth's forms and inputs of all sign-ups inherit from this class (`ACCOUNT_SIGNUP_FORM_CLASS`)."""

    @override
    def fields_to_ask(self) -> Iterable[ProfileField]:
        return [each for each in settings.PROFILE_FIELDS if each.is_asked_at_sign_up]

    def signup(self, request: HttpRequest, user: User) -> None:
        """Store the values. allauth calls this after it has saved the new user."""
        if self.asked:
            user.extras = self.extras
            user.save(update_fields=["extras"])


def shown(user: User) -> list[tuple[str, Any]]:
    """Return the labels and values of the user's further fields, as a page shows them."""
    values = profile_fields.shown(user.extras)
    return [
        (each.label, each.shown(values[each.name]))
        for each in settings.PROFILE_FIELDS
        if each.name in values
    ]


def _form_field(each: ProfileField) -> forms.Field:
    label, is_required = each.label, each.is_required
    if each.kind == BOOLEAN:
        return forms.BooleanField(label=label, required=is_required)
    if each.kind == CHOICE:
        # Without an empty one, a browser would send the first choice of a person who chose none.
        none = profile_fields.CHOOSE if is_required else profile_fields.NO_CHOICE
        return forms.ChoiceField(
            label=label, required=is_required, choices=[("", none), *each.named_choices]
        )
    return forms.CharField(label=label, required=is_required, max_length=each.max_length)
