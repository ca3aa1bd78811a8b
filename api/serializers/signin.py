"""Shapes of the sign-ins: by password, by mailed code, by a provider's or a former site's token."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from typing_extensions import override

from accounts.federation.provider import provider_classes
from accounts.people.passwords import MAX_RAW_LENGTH
from api.serializers.fields import (
    PasswordField,
    StrictSerializer,
    StringField,
)


class CredentialsSerializer(StrictSerializer):
    email = serializers.EmailField(max_length=254)
    password = PasswordField(max_length=MAX_RAW_LENGTH, trim_whitespace=False, write_only=True)
    link_token = StringField(
        max_length=4096,
        trim_whitespace=False,
        required=False,
        default="",
        help_text="From the 409 `account_exists` of `/api/token/social/`: connects that provider.",
    )


class CodeRequestSerializer(StrictSerializer):
    email = serializers.EmailField(max_length=254)


class CodeTokenSerializer(serializers.Serializer[Any]):
    code_token = serializers.CharField(help_text="For `/api/token/code/confirm/`.")
    expires_in = serializers.IntegerField(help_text="Seconds that the code is valid.")


class CodeSerializer(StrictSerializer):
    code_token = StringField(
        max_length=4096, trim_whitespace=False, help_text="From `/api/token/code/`."
    )
    code = StringField(max_length=64, help_text="From the mail, typed in any way.")
    link_token = StringField(
        max_length=4096,
        trim_whitespace=False,
        required=False,
        default="",
        help_text="As at `/api/token/`.",
    )


class SocialTokenSerializer(StrictSerializer):
    any_of = (
        {"required": ["id_token"]},
        {"required": ["access_token"], "properties": {"provider": {"enum": ["kakao"]}}},
    )
    """For the OpenAPI document: what of the members is required."""

    provider = serializers.ChoiceField(
        choices=[one.id for one in provider_classes if one.supports_token_authentication],
        help_text="Those that are configured, and whose tokens name the app they are for.",
    )
    id_token = StringField(
        max_length=8192,
        trim_whitespace=False,
        required=False,
        default="",
        help_text="OpenID Connect ID token: Google's only way. Kakao's may come with an access token.",
    )
    access_token = StringField(
        max_length=4096,
        trim_whitespace=False,
        required=False,
        default="",
        help_text="Kakao's. It tells about the email, which Kakao's ID token doesn't.",
    )
    nonce = StringField(
        max_length=255,
        trim_whitespace=False,
        required=False,
        default="",
        help_text="What the app gave the provider's SDK as `nonce`; left out where it gave none.",
    )

    @override
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["id_token"] and not attrs["access_token"]:
            raise serializers.ValidationError(
                {"id_token": [serializers.ErrorDetail(str(_("Send a token.")), "required")]}
            )
        return attrs


REFRESH_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token"  # noqa: S105 - a name of RFC 8693 §3


class ExchangeSerializer(StrictSerializer):
    subject_token = StringField(
        max_length=4096, trim_whitespace=False, help_text="A refresh token of the former site."
    )
    subject_token_type = serializers.ChoiceField(
        choices=[REFRESH_TOKEN], required=False, default=REFRESH_TOKEN
    )
