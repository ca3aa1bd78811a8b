"""Store the endpoints of webhooks and their deliveries."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts import encryption
from accounts.audit.vocabulary import WebhookStop, reason_label
from accounts.encrypted import EncryptedText
from accounts.errors import DecryptionError
from accounts.webhooks import addresses, signing

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

OVERLAP = timedelta(hours=24)
"""How long deliveries are signed by the former secret, too, after a rotation."""
MAX_FORMER = 3
"""Most former secrets that sign at the same time."""
ANSWER_MAX = 1024


class WebhookEndpoint(models.Model):
    """An address of another service that gets events. `stopped_at` is None while it gets them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    url = models.CharField(
        _("address"), max_length=addresses.MAX_URL, help_text=_("https://… of your service.")
    )
    description = models.CharField(_("description"), max_length=200, blank=True)
    events = models.JSONField(_("events"), default=list)
    has_personal_data = models.BooleanField(
        _("send personal data"),
        default=False,
        help_text=_("Adds the account's email and name. Without, events have ids only."),
    )
    # Encrypted under DATA_ENCRYPTION_KEYS. `secrets` opens them.
    secret = EncryptedText(editable=False)
    # The last one first, with spaces between them: several, if it was renewed again before the end of `OVERLAP`.
    former_secret = EncryptedText(editable=False, blank=True)
    former_until = models.DateTimeField(_("former secret signs until"), null=True, editable=False)
    created_at = models.DateTimeField(_("added"), default=timezone.now, editable=False)
    stopped_at = models.DateTimeField(_("stopped"), null=True, editable=False)
    stopped_reason = models.CharField(
        _("why it was stopped"),
        max_length=32,
        blank=True,
        choices=WebhookStop.choices,
        editable=False,
    )
    failing_since = models.DateTimeField(_("failing since"), null=True, editable=False)
    # After a time-out no delivery is tried before this time, so that it holds up no other endpoint.
    rests_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        ordering = ["created_at", "id"]

    @override
    def __str__(self) -> str:
        return self.url

    @property
    def is_active(self) -> bool:
        return self.stopped_at is None

    @property
    def stopped_label(self) -> "StrOrPromise":
        """Return why it was stopped, in the reader's language, or ''."""
        return reason_label(self.stopped_reason)

    def secrets(self) -> list[str]:
        """Return the secrets that sign now: the current one first. Raises `DecryptionError`."""
        found = [encryption.decrypt(self.secret)]
        if self.former_until is not None and self.former_until > timezone.now():
            found += encryption.decrypt(self.former_secret).split()
        return found

    def renew_secret(self, *, overlap: timedelta = OVERLAP) -> str:
        """Set a new secret, without a save, and return it. Those that sign now sign as well for `overlap`.

        So the receiver's secret still signs if an operator renews twice: maybe the first answer got lost.
        """
        fresh = signing.fresh_secret()
        former = self._former() if overlap else []
        self.former_secret = encryption.encrypt(" ".join(former)) if former else ""
        self.former_until = timezone.now() + overlap if former else None
        self.secret = encryption.encrypt(fresh)
        return fresh

    def _former(self) -> list[str]:
        """Return the secrets that stay beside a new one: none, if no key opens them, so that none can sign."""
        try:
            return self.secrets()[:MAX_FORMER] if self.secret else []
        except DecryptionError:
            return []


class WebhookDelivery(models.Model):
    """One event for one endpoint. Its id is the `webhook-id`, the same in all attempts.

    Holds ids only: if the endpoint gets personal data, each attempt reads them from the account.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Given up")
        DROPPED = "dropped", _("Dropped: the endpoint was stopped")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(
        WebhookEndpoint,
        models.CASCADE,
        db_index=False,  # `webhook_delivery_endpoint` begins with it
        related_name="deliveries",
        verbose_name=_("endpoint"),
    )
    type = models.CharField(_("event"), max_length=32)
    cause = models.CharField(_("cause"), max_length=32, blank=True)
    # No foreign key: a delivery of `user.deleted` outlives the user.
    user_id = models.UUIDField(_("user"), null=True)
    sid = models.UUIDField(_("sign-in"), null=True)
    reason = models.CharField(_("why"), max_length=32, blank=True)
    occurred_at = models.DateTimeField(_("when"))
    status = models.CharField(_("state"), max_length=16, choices=Status, default=Status.WAITING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    attempted_at = models.DateTimeField(_("last attempt"), null=True)
    status_code = models.PositiveSmallIntegerField(_("status code"), null=True)
    answer = models.TextField(_("answer"), blank=True, help_text=_("The first bytes of it."))
    error = models.CharField(_("error"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ["-occurred_at", "-id"]
        indexes = [
            # The panel's list, newest first, with its filters and its search.
            models.Index(fields=["-occurred_at", "-id"], name="webhook_delivery_occurred"),
            models.Index(
                fields=["endpoint", "-occurred_at", "-id"], name="webhook_delivery_endpoint"
            ),
            models.Index(fields=["status", "-occurred_at", "-id"], name="webhook_delivery_status"),
            models.Index(fields=["type", "-occurred_at", "-id"], name="webhook_delivery_type"),
            models.Index(
                fields=["user_id"],
                name="webhook_delivery_user",
                condition=models.Q(user_id__isnull=False),
            ),
            models.Index(
                fields=["sid"],
                name="webhook_delivery_sid",
                condition=models.Q(sid__isnull=False),
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.type} {self.message_id}"

    @property
    def message_id(self) -> str:
        """Return the `webhook-id`."""
        return f"msg_{self.id.hex}"


def parse_message_id(text: str) -> UUID | None:
    """Return the id of a delivery in this `webhook-id` or UUID, or None."""
    try:
        return UUID(text.removeprefix("msg_"))
    except ValueError:
        return None


def utc(moment: datetime) -> str:
    """Return the moment as RFC 3339 text in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
