"""Store the events of the audit log."""

from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.audit.vocabulary import EVENT_TYPES, EventType, Tone, reason_label
from accounts.client_info import DeviceMixin
from accounts.people.models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class AuditEvent(DeviceMixin, models.Model):
    """One event of an account. A row outlives its user, and nothing changes it."""

    Type = EventType

    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(_("when"), default=timezone.now)
    type = models.CharField(_("what"), max_length=32, choices=EventType.choices)
    user = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="audit_events",
        verbose_name=_("user"),
    )
    identifier = models.CharField(
        _("account"), max_length=254, blank=True, help_text=_("The email as it was, or as typed.")
    )
    sid = models.UUIDField(_("sign-in"), null=True, blank=True)
    ip = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    user_agent = models.CharField(_("user agent"), max_length=512, blank=True)
    reason = models.CharField(_("why"), max_length=32, blank=True)
    actor = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("done by"),
        help_text=_("Set if another person than the account's owner did it."),
    )

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="audit_user"),
            models.Index(fields=["-created_at", "-id"], name="audit_created"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.type} {self.identifier}"

    @property
    def label(self) -> "StrOrPromise":
        """Return the event's name in the reader's language; for an unknown type, the type."""
        entry = EVENT_TYPES.get(self.type)
        return entry.label if entry else self.type

    @property
    def tone(self) -> Tone:
        entry = EVENT_TYPES.get(self.type)
        return entry.tone if entry else Tone.CALM

    @property
    def icon(self) -> str:
        """Return the path of the icon's template; for an unknown type, that of `activity`."""
        entry = EVENT_TYPES.get(self.type)
        return f"icons/{entry.icon if entry else 'activity'}.html"

    @property
    def reason_label(self) -> "StrOrPromise":
        """Return the reason in the reader's language, or '' if there is none."""
        return reason_label(self.reason)
