"""Shapes of the own account: profile, deletion, the answer to the report "it wasn't me"."""

from datetime import UTC
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from typing_extensions import override

from accounts.people import names, profile_fields
from accounts.people.models import Locale, User
from accounts.people.passwords import MAX_RAW_LENGTH
from accounts.signins import roles
from api.serializers.fields import (
    NameField,
    PasswordField,
    StrictSerializer,
)


@extend_schema_field(
    {
        "type": "object",
        "properties": {each.name: each.schema for each in settings.PROFILE_FIELDS},
        "additionalProperties": False,
        "description": "The fields of PROFILE_FIELDS. A change names only those that change.",
    }
)
class ExtrasField(serializers.Field[Any, Any, Any, Any]):
    """The further profile. Checks each value as the pages do."""

    @override
    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError(_("Send an object."), "invalid")
        try:
            return profile_fields.clean(data, settings.PROFILE_FIELDS, is_partial=True)
        except ValidationError as exc:
            raise serializers.ValidationError(
                {
                    name: [
                        serializers.ErrorDetail(" ".join(each.messages), each.code or "invalid")
                        for each in errors
                    ]
                    for name, errors in exc.error_dict.items()
                }
            ) from exc

    @override
    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        return profile_fields.shown(value)


class MeSerializer(StrictSerializer):
    id = serializers.UUIDField(read_only=True)
    email = serializers.EmailField(read_only=True)
    display_name = NameField(required=False, validators=[names.validate])
    locale = serializers.ChoiceField(choices=Locale.values, required=False)
    extras = ExtrasField(required=False)
    date_joined = serializers.DateTimeField(read_only=True, default_timezone=UTC)
    roles = serializers.SerializerMethodField(
        help_text="The user's groups; [] without TOKEN_ROLES."
    )

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_roles(self, user: User) -> list[str]:
        return roles.of(user)

    @override
    def update(self, instance: User, validated_data: dict[str, Any]) -> User:
        for name, value in validated_data.items():
            setattr(instance, name, value)
        instance.save(update_fields=[*validated_data])
        return instance


class DeletionSerializer(StrictSerializer):
    password = PasswordField(
        max_length=MAX_RAW_LENGTH,
        trim_whitespace=False,
        required=False,
        default="",
        help_text="A proof; left out if the account was proved in the last minutes.",
    )


class DeletionAnswerSerializer(serializers.Serializer[Any]):
    erase_at = serializers.DateTimeField(
        default_timezone=UTC, help_text="A sign-in before this time keeps the account."
    )


class DenialAnswerSerializer(serializers.Serializer[Any]):
    needs_password = serializers.BooleanField(
        help_text="The old password no longer works. Set a new one by "
        "`/_allauth/app/v1/account/password/change`, or by the link in the mail."
    )
