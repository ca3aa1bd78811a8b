"""Declare the shapes of requests and responses. No queries, no side effects."""

from datetime import UTC
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty
from typing_extensions import override

from accounts.federation.provider import provider_classes
from accounts.people import names, profile_fields
from accounts.people.models import Locale, User
from accounts.people.passwords import MAX_LENGTH, MAX_RAW_LENGTH, is_too_long
from accounts.signins import roles
from api import problems
from api.tokens import retry_keys


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


class Base64URLField(StringField):
    """Take bytes as WebAuthn writes them in JSON: base64url without padding (RFC 4648 §5)."""

    def __init__(self, **kwargs: Any) -> None:
        text = _("Send base64url without padding.")
        pattern = RegexValidator(r"\A[A-Za-z0-9_-]*\Z", cast("str", text))
        super().__init__(trim_whitespace=False, validators=[pattern], **kwargs)


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


REFRESH_TOKEN = "urn:ietf:params:oauth:token-type:refresh_token"  # noqa: S105 - a name of RFC 8693 §3


class ExchangeSerializer(StrictSerializer):
    subject_token = StringField(
        max_length=4096, trim_whitespace=False, help_text="A refresh token of the former site."
    )
    subject_token_type = serializers.ChoiceField(
        choices=[REFRESH_TOKEN], required=False, default=REFRESH_TOKEN
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


class RefreshSerializer(StrictSerializer):
    refresh = StringField(
        max_length=4096,
        trim_whitespace=False,
        required=False,
        default="",
        help_text="Left out where it travels by cookie.",
    )
    access = StringField(
        max_length=4096,
        trim_whitespace=False,
        required=False,
        default="",
        help_text="The access token to replace, expired or not. It must be of the same sign-in.",
    )
    retry_key = StringField(
        trim_whitespace=False,
        required=False,
        validators=[
            RegexValidator(retry_keys.PATTERN, cast("str", problems.INVALID_RETRY_KEY.detail))
        ],
        help_text="The `Idempotency-Key`, for clients that cannot set a header.",
    )


class VerifySerializer(StrictSerializer):
    token = StringField(max_length=4096, trim_whitespace=False)


class PresentedTokenSerializer(serializers.Serializer[Any]):
    """Document the body of a revocation or an introspection.

    Both calls ignore other parameters, such as `token_type_hint` (RFC 7009 §2.1, RFC 7662 §2.1):
    the token itself tells its type.
    """

    token = StringField(max_length=4096, trim_whitespace=False)


class EventTicketSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField(help_text="For one stream.")
    url = serializers.CharField(help_text="The address of the stream, with the ticket.")
    expires_in = serializers.IntegerField(help_text="Seconds until the ticket expires.")


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="RFC 9068 access token, for `Authorization: Bearer`.")
    refresh = serializers.CharField(
        help_text="For one use at `/api/token/refresh/`. Not here with cookie delivery."
    )
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in = serializers.IntegerField(help_text="Seconds until the access token expires.")
    sid = serializers.UUIDField(help_text="The sign-in, as in `/api/sessions/`.")
    account_kept = serializers.BooleanField(
        required=False, help_text="True if this sign-in cancelled the deletion of the account."
    )
    second_step_due_at = serializers.DateTimeField(
        default_timezone=UTC,
        required=False,
        help_text="From then on, signing in needs a second factor, which the account doesn't have yet.",
    )


class IntrospectionSerializer(serializers.Serializer[Any]):
    """Document the members of the answer (RFC 7662 §2.2).

    The token's other claims come with them.
    """

    active = serializers.BooleanField()
    token_type = serializers.CharField(required=False)
    iss = serializers.CharField(required=False)
    aud = serializers.CharField(required=False)
    sub = serializers.UUIDField(required=False)
    client_id = serializers.CharField(required=False)
    sid = serializers.UUIDField(required=False)
    jti = serializers.CharField(required=False)
    iat = serializers.IntegerField(required=False)
    exp = serializers.IntegerField(required=False)
    auth_time = serializers.IntegerField(required=False)
    scope = serializers.CharField(required=False)
    roles = serializers.ListField(child=serializers.CharField(), required=False)


class ServiceTokenRequestSerializer(serializers.Serializer[Any]):
    grant_type = serializers.ChoiceField(choices=["client_credentials"])
    scope = serializers.CharField(
        required=False, allow_blank=True, help_text="Fewer words than the key has."
    )


class ServiceTokenSerializer(serializers.Serializer[Any]):
    access_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField()
    scope = serializers.CharField()


class RevocationSerializer(serializers.Serializer[Any]):
    sid = serializers.UUIDField()
    revoked_at = serializers.DateTimeField(default_timezone=UTC)


class RevocationsSerializer(serializers.Serializer[Any]):
    revocations = RevocationSerializer(many=True)
    cursor = serializers.CharField(help_text="Send it with the next request.")
    has_more = serializers.BooleanField(help_text="True: ask again at once.")
    access_token_seconds = serializers.IntegerField(
        help_text="How long a token of such a sign-in may live: keep each `sid` for so long."
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
        return {
            each.name: value[each.name] for each in settings.PROFILE_FIELDS if each.name in value
        }


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
        if "extras" in validated_data:
            validated_data["extras"] = instance.extras | validated_data["extras"]
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
