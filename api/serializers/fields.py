"""Refuse what the OpenAPI document excludes: unknown fields, numbers for strings, long values."""

from typing import Any, cast

from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty
from typing_extensions import override

from accounts.people import names
from accounts.people.passwords import MAX_LENGTH, is_too_long


class StrictSerializer(serializers.Serializer[Any]):
    """Refuse unknown fields. DRF ignores them, even a misspelt one."""

    @override
    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError(
                {
                    name: [serializers.ErrorDetail(str(_("Unknown field.")), "unknown_field")]
                    for name in unknown
                }
            )
        return value


class StringField(serializers.CharField):
    """Refuse numbers, because the OpenAPI document says string.

    `CharField` turns them into text.
    """

    @override
    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field({"type": "string", "maxLength": 80, "pattern": names.NAME.replace(r"\Z", "$")})
class NameField(StringField):
    """Refuse a name without a visible character. Cut off the spaces around other names."""

    takes_blank = True
    """Not `allow_blank`, which the document would spell as two overlapping types."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=80, trim_whitespace=False, **kwargs)

    @override
    def run_validation(self, data: Any = empty) -> Any:
        if data == "":
            return data
        value = super().run_validation(data)
        return value.strip() if isinstance(value, str) else value


class PasswordField(StringField):
    """Count the characters after normalisation: a client may send one character as several."""

    @override
    def to_internal_value(self, data: Any) -> str:
        value = super().to_internal_value(data)
        if is_too_long(value):
            self.fail("max_length", max_length=MAX_LENGTH)
        return value


class Base64URLField(StringField):
    """Take bytes as WebAuthn writes them in JSON: base64url without padding (RFC 4648 §5)."""

    def __init__(self, **kwargs: Any) -> None:
        text = _("Send base64url without padding.")
        pattern = RegexValidator(r"\A[A-Za-z0-9_-]*\Z", cast("str", text))
        super().__init__(trim_whitespace=False, validators=[pattern], **kwargs)
