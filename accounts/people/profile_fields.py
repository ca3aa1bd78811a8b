"""Define the further fields of a profile that a team asks for by `PROFILE_FIELDS`, and check their values.

The values are in one column of the user, `extras`, by name. Knows no models, because the settings read it.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.people import names

TEXT, CHOICE, BOOLEAN = "text", "choice", "boolean"
ASKS = ("sign_up", "profile")
LANGUAGES = ("en", "ko")
MAX_FIELDS, MAX_CHOICES, MAX_LENGTH = 20, 50, 500
NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
TAKEN = frozenset(
    [
        *("id", "email", "email2", "phone", "username", "password", "password1", "password2"),
        *(
            "display_name",
            "locale",
            "extras",
            "profile",
            "remember",
            "next",
            "reason",
            "credential",
        ),
        *("is_active", "is_staff", "is_superuser", "groups", "user_permissions", "name"),
        *("csrfmiddlewaretoken", "login", "code", "key", "seen"),
        # A form in a browser has members of these names, and a field would hide them from our scripts.
        *("action", "dataset", "elements", "length", "method", "reset", "submit", "target"),
    ]
)
"""Names of fields that forms and answers have already."""

NO_CHOICE = _("No answer")
CHOOSE = _("Choose")

Texts = Mapping[str, str]
"""One text, by language."""


@dataclass(frozen=True)
class ProfileField:
    name: str
    kind: str
    labels: Texts
    is_required: bool = False
    is_asked_at_sign_up: bool = False
    max_length: int = 100
    choices: Mapping[str, Texts] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return in_language(self.labels)

    @property
    def named_choices(self) -> list[tuple[str, str]]:
        return [(value, in_language(texts)) for value, texts in self.choices.items()]

    def fits(self, value: Any) -> bool:
        """Return False for a value that an earlier definition of this field left: it counts as missing."""
        if self.kind == BOOLEAN:
            return isinstance(value, bool)
        if self.kind == CHOICE:
            return isinstance(value, str) and (value == "" or value in self.choices)
        return isinstance(value, str)

    def shown(self, value: Any) -> Any:
        """Return a value as people read it."""
        return in_language(self.choices[value]) if value in self.choices else value

    def clean(self, value: Any) -> Any:
        """Return the value to store. Raises `ValidationError`."""
        if self.kind == BOOLEAN:
            if not isinstance(value, bool):
                raise ValidationError(_("Use true or false."), code="invalid")
            if self.is_required and not value:
                raise ValidationError(_("This field is required."), code="required")
            return value
        if not isinstance(value, str):
            raise ValidationError(_("Use a text."), code="invalid")
        value = value.strip()
        if not value:
            if self.is_required:
                raise ValidationError(_("This field is required."), code="required")
            return value
        if self.kind == CHOICE:
            if value not in self.choices:
                raise ValidationError(_("Use one of the offered values."), code="invalid_choice")
            return value
        if len(value) > self.max_length:
            text = _("Use at most %(most)d characters.")
            raise ValidationError(text, code="max_length", params={"most": self.max_length})
        names.validate(value)
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        if self.kind == BOOLEAN:
            return {"type": "boolean", "description": self.labels["en"]}
        if self.kind == CHOICE:
            values = [*self.choices, *([] if self.is_required else [""])]
            return {"type": "string", "enum": values, "description": self.labels["en"]}
        return {
            "type": "string",
            "maxLength": self.max_length,
            "description": self.labels["en"],
        }


def in_language(texts: Texts) -> str:
    return texts.get((get_language() or "en")[:2]) or texts["en"]


def shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stored values that fit the fields of `PROFILE_FIELDS`."""
    return {
        each.name: values[each.name]
        for each in settings.PROFILE_FIELDS
        if each.name in values and each.fits(values[each.name])
    }


def personal(values: Mapping[str, Any]) -> list[str]:
    """Return the stored texts that people wrote, also for a field that is another or none by now.

    A choice is from a list that the team wrote, so its value names nobody.
    """
    chosen = {each.name for each in settings.PROFILE_FIELDS if each.kind == CHOICE}
    offered = shown(values)
    return [
        value
        for name, value in values.items()
        if isinstance(value, str) and not (name in chosen and name in offered)
    ]


def clean(
    values: Mapping[str, Any], fields: Iterable[ProfileField], *, is_partial: bool = False
) -> dict[str, Any]:
    """Return the values to store. Raises `ValidationError` with the errors by name.

    `is_partial` allows required fields to be missing.
    """
    known = {each.name: each for each in fields}
    errors = {
        name: [ValidationError(_("Unknown field."), code="unknown_field")]
        for name in sorted(values.keys() - known.keys())
    }
    found: dict[str, Any] = {}
    for name, each in known.items():
        if name not in values:
            if each.is_required and not is_partial:
                text = _("This field is required.")
                errors[name] = [ValidationError(text, code="required")]
            continue
        try:
            found[name] = each.clean(values[name])
        except ValidationError as exc:
            errors[name] = exc.error_list
    if errors:
        raise ValidationError(errors)
    return found


def parse(text: str) -> tuple[ProfileField, ...]:
    """Return the fields that this JSON defines. Raises `ValueError` with the first mistake."""
    try:
        rows = json.loads(text, object_pairs_hook=_unique) if text.strip() else []
    except (json.JSONDecodeError, RecursionError) as exc:
        raise ValueError(f"this is no JSON: {exc}") from exc
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("write a list of objects")
    if len(rows) > MAX_FIELDS:
        raise ValueError(f"write at most {MAX_FIELDS} fields")
    found = tuple(map(_field, rows))
    if len({each.name for each in found}) < len(found):
        raise ValueError("two fields have the same name")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        found = [name for name, _value in pairs]
        twice = next(name for name in found if found.count(name) > 1)
        raise ValueError(f"the member {twice!r} is there twice")
    return members


def _field(row: dict[str, Any]) -> ProfileField:
    name = row.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"the name {name!r} isn't of a-z, 0-9 and _, up to 32 characters")
    if name in TAKEN:
        raise ValueError(f"the name {name!r} is taken")
    allowed = {"name", "type", "label", "required", "ask", "max_length", "choices"}
    if unknown := sorted(row.keys() - allowed):
        raise ValueError(f"{name}: unknown member {unknown[0]!r}")
    kind = row.get("type", TEXT)
    if kind not in (TEXT, CHOICE, BOOLEAN):
        raise ValueError(f"{name}: the type is text, choice or boolean, not {kind!r}")
    is_required, ask = row.get("required", False), row.get("ask", "profile")
    if not isinstance(is_required, bool):
        raise ValueError(f"{name}: `required` is true or false")  # noqa: TRY004 - one kind of error for the caller
    if ask not in ASKS:
        raise ValueError(f"{name}: `ask` is sign_up or profile, not {ask!r}")
    most = row.get("max_length", 100)
    if type(most) is not int or not 0 < most <= MAX_LENGTH:
        raise ValueError(f"{name}: `max_length` is a number from 1 to {MAX_LENGTH}")
    if kind != TEXT and "max_length" in row:
        raise ValueError(f"{name}: only a text has `max_length`")
    return ProfileField(
        name=name,
        kind=kind,
        labels=_texts(row.get("label"), name),
        is_required=is_required,
        is_asked_at_sign_up=is_required or ask == "sign_up",
        max_length=most,
        choices=_choices(row.get("choices"), name, kind),
    )


def _choices(value: Any, name: str, kind: str) -> dict[str, Texts]:
    if kind != CHOICE:
        if value is not None:
            raise ValueError(f"{name}: only a choice has `choices`")
        return {}
    if not isinstance(value, dict) or not 0 < len(value) <= MAX_CHOICES:
        raise ValueError(f"{name}: `choices` are 1 to {MAX_CHOICES} values with their labels")
    if any(not _shows(key) or key != key.strip() or len(key) > MAX_LENGTH for key in value):
        raise ValueError(
            f"{name}: a value of `choices` is empty or invisible, too long, or has spaces around it"
        )
    return {key: _texts(texts, name) for key, texts in value.items()}


def _texts(value: Any, name: str) -> Texts:
    is_complete = isinstance(value, dict) and set(value) == set(LANGUAGES)
    if not is_complete or not all(
        isinstance(each, str) and _shows(each) for each in value.values()
    ):
        raise ValueError(f"{name}: a label has a text for each of {', '.join(LANGUAGES)}")
    return value  # type: ignore[no-any-return]  # checked above


def _shows(text: str) -> bool:
    return bool(text.strip()) and names.is_visible(text)
