"""Declare the rows of lists: sign-ins, trusted browsers, events of the account."""

from datetime import UTC

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.audit.models import AuditEvent
from accounts.reports import own
from accounts.signins.models import AuthSession, TrustedBrowser

PLACE = 'Such as `Seoul, South Korea`, in the language of the request; `""` if it is not known.'
DEVICE = "Such as `Chrome · Windows`."


class SessionSerializer(serializers.Serializer[AuthSession]):
    sid = serializers.UUIDField(source="id")
    kind = serializers.ChoiceField(choices=["browser", "token"])
    client = serializers.CharField(source="device", help_text=DEVICE)
    ip = serializers.IPAddressField(allow_null=True)
    place = serializers.CharField(help_text=PLACE)
    amr = serializers.ListField(
        child=serializers.CharField(), help_text="The methods, as in the token (RFC 8176)."
    )
    auth_time = serializers.DateTimeField(default_timezone=UTC, help_text="The last proof.")
    created_at = serializers.DateTimeField(default_timezone=UTC)
    last_seen_at = serializers.DateTimeField(default_timezone=UTC)
    expires_at = serializers.DateTimeField(default_timezone=UTC)
    is_current = serializers.SerializerMethodField(help_text="The sign-in that asks.")

    def get_is_current(self, session: AuthSession) -> bool:
        return bool(session.pk == self.context["request"].auth.sid)


class TrustedBrowserSerializer(serializers.Serializer[TrustedBrowser]):
    id = serializers.UUIDField()
    client = serializers.CharField(source="device", help_text=DEVICE)
    ip = serializers.IPAddressField(allow_null=True)
    place = serializers.CharField(help_text=PLACE)
    created_at = serializers.DateTimeField(default_timezone=UTC)
    last_used_at = serializers.DateTimeField(default_timezone=UTC, allow_null=True)
    expires_at = serializers.DateTimeField(default_timezone=UTC)


class EventSerializer(serializers.Serializer[AuditEvent]):
    id = serializers.IntegerField()
    type = serializers.CharField(help_text="Such as `login.succeeded`. More types may come.")
    text = serializers.CharField(
        source="label", help_text="The type in words, in the language of the request."
    )
    reason = serializers.CharField(help_text='A value that depends on the type, or `""`.')
    reason_text = serializers.CharField(
        source="reason_label", help_text='The reason in words, or `""`.'
    )
    is_alarming = serializers.SerializerMethodField(help_text="Show it so that it is noticed.")
    sid = serializers.UUIDField(allow_null=True, help_text="The sign-in that it is about.")
    amr = serializers.ListField(child=serializers.CharField())
    client = serializers.CharField(source="device", help_text=DEVICE)
    ip = serializers.IPAddressField(allow_null=True)
    place = serializers.CharField(help_text=PLACE)
    is_by_administrator = serializers.SerializerMethodField()
    can_be_denied = serializers.SerializerMethodField(
        help_text="The owner can report it: it wasn't me (`POST …/denial/`)."
    )
    created_at = serializers.DateTimeField(default_timezone=UTC)

    def get_can_be_denied(self, event: AuditEvent) -> bool:
        return own.can_be_denied(event, here=self.context["request"].auth.sid)

    @extend_schema_field(bool)
    def get_is_alarming(self, event: AuditEvent) -> bool:
        return event.is_alarming

    @extend_schema_field(bool)
    def get_is_by_administrator(self, event: AuditEvent) -> bool:
        return event.is_by_another
