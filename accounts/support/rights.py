"""Change rights by the form of a user: within the rights of the operator, with a reason, on record."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from accounts.audit import trail
from accounts.audit.vocabulary import EventType, Right
from accounts.client_info import ClientInfo
from accounts.people import authority, names
from accounts.people.models import User

PERMISSION = "accounts.grant_rights"
FIELDS = ["is_staff", "is_superuser", "groups"]


@dataclass(frozen=True)
class Rights:
    is_staff: bool = False
    is_superuser: bool = False
    groups: frozenset[int] = frozenset()


NO_RIGHTS = Rights()


def rights_of(user: User) -> Rights:
    groups = frozenset(user.groups.values_list("pk", flat=True))
    return Rights(user.is_staff, user.is_superuser, groups)


def changed(before: Rights, after: Rights) -> Iterator[Right]:
    if before.is_staff != after.is_staff:
        yield Right.STAFF_GRANTED if after.is_staff else Right.STAFF_WITHDRAWN
    if before.is_superuser != after.is_superuser:
        yield Right.SUPERUSER_GRANTED if after.is_superuser else Right.SUPERUSER_WITHDRAWN
    if before.groups != after.groups:
        yield Right.GROUPS_CHANGED


def record(user: User, before: Rights, *, actor: User, client: ClientInfo, note: str) -> None:
    """Write one audit event for each right that changed."""
    for right in changed(before, rights_of(user)):
        trail.record(
            EventType.RIGHTS_CHANGED, user=user, reason=right, actor=actor, client=client, note=note
        )


def editable(actor: User, user: User | None) -> list[str]:
    """Return the fields of rights that this operator may change: none of an own or a higher account."""
    if user is None or not authority.may(actor, PERMISSION, user):
        return []
    return FIELDS if actor.is_superuser else [name for name in FIELDS if name != "is_superuser"]


class UserForm(forms.ModelForm[User]):
    """The form of a user. `actor` is the operator, whom the admin sets on a class for each request."""

    actor: User
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("Needed for a change of rights. The owner can read it."),
        validators=[names.validate],
    )

    class Meta:
        model = User
        fields = ["display_name", "locale", *FIELDS]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (groups := self.fields.get("groups")) is not None:
            given = authority.groups_to_give(self.actor)
            groups.queryset = given  # type: ignore[attr-defined]  # a choice of rows
            self.kept_groups = list(self.instance.groups.exclude(pk__in=given.values("pk")))
            self.initial["groups"] = self.instance.groups.filter(pk__in=given.values("pk"))

    @override
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not set(FIELDS).isdisjoint(self.changed_data) and not cleaned.get("reason"):
            self.add_error("reason", _("Write why the rights change."))
        return cleaned

    def clean_groups(self) -> list[Group]:
        """Keep the groups that the form doesn't offer, because this operator may not give them."""
        return [*self.cleaned_data["groups"], *self.kept_groups]

    def clean_is_superuser(self) -> bool:
        """Refuse to make a superuser by one operator alone, if the setting wants two."""
        is_superuser: bool = self.cleaned_data["is_superuser"]
        is_made = is_superuser and "is_superuser" in self.changed_data
        if is_made and settings.SUPERUSER_NEEDS_TWO:
            raise ValidationError(_("Propose it instead: another superuser must confirm it."))
        return is_superuser
