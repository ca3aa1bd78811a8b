"""Shapes of tokens: pair, refresh, verification, introspection, revocations, tickets, machines."""

from datetime import UTC
from typing import Any, cast

from django.core.validators import RegexValidator
from rest_framework import serializers

from api import problems
from api.serializers.fields import (
    StrictSerializer,
    StringField,
)
from api.tokens import retry_keys


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
