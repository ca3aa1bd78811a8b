"""Shapes of passkeys, and of the second step, which takes a passkey or a code."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from typing_extensions import override

from api.serializers.fields import (
    Base64URLField,
    StrictSerializer,
    StringField,
)


class AssertionResponseSerializer(serializers.Serializer[Any]):
    clientDataJSON = Base64URLField(max_length=8192)  # noqa: N815 - WebAuthn's names
    authenticatorData = Base64URLField(max_length=8192)  # noqa: N815
    signature = Base64URLField(max_length=8192)
    userHandle = Base64URLField(  # noqa: N815
        max_length=128,
        required=False,
        allow_null=True,
        allow_blank=True,
        help_text="Needed for a sign-in without a first step.",
    )


class AssertionSerializer(serializers.Serializer[Any]):
    """WebAuthn's `AuthenticationResponseJSON`. Other members of it are ignored, as WebAuthn says."""

    id = Base64URLField(max_length=1400)
    rawId = Base64URLField(max_length=1400)  # noqa: N815
    type = serializers.ChoiceField(choices=["public-key"])
    response = AssertionResponseSerializer()


class PasskeyOptionsSerializer(StrictSerializer):
    mfa_token = StringField(
        max_length=8192,
        trim_whitespace=False,
        required=False,
        default="",
        help_text="From the 401 `mfa_required`, for the second step. Left out for a sign-in.",
    )


class PasskeyOptionsAnswerSerializer(serializers.Serializer[Any]):
    public_key = serializers.DictField(
        help_text="WebAuthn's `PublicKeyCredentialRequestOptionsJSON`."
    )
    expires_in = serializers.IntegerField(help_text="Seconds that the challenge is valid.")


class PasskeySerializer(StrictSerializer):
    credential = AssertionSerializer()


class SecondStepSerializer(StrictSerializer):
    one_of = ({"required": ["code"]}, {"required": ["credential"]})
    """For the OpenAPI document: what of the members is required."""

    mfa_token = StringField(
        max_length=8192,
        trim_whitespace=False,
        help_text="From the 401 `mfa_required`. Good for one sign-in of the client that got it.",
    )
    code = StringField(
        max_length=64,
        required=False,
        help_text="Of the authenticator app, or a recovery code. Spaces don't matter.",
    )
    credential = AssertionSerializer(
        required=False,
        help_text="The answer of a passkey to a challenge of `/api/token/passkey/options/`.",
    )

    @override
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("code" in attrs) == ("credential" in attrs):
            text = str(_("Send either a code or a credential."))
            raise serializers.ValidationError({"code": [serializers.ErrorDetail(text, "required")]})
        return attrs
