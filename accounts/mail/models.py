"""Store which mails were sent: their kind, time and a hash of the address, and never their content."""

import hmac
import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.people.models import User


class SentMail(models.Model):
    """One mail. Deleted with the user, or after `mail.sending.KEPT`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # None for a mail to an address without an account: it takes as long as one to an account.
    user = models.ForeignKey(
        User,
        models.CASCADE,
        null=True,
        db_index=False,  # `sent_mail_user` begins with it
        related_name="sent_mails",
    )
    kind = models.CharField(max_length=64)
    address_hash = models.CharField(max_length=32)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was given up, after several attempts."
    )

    class Meta:
        verbose_name = _("sent mail")
        verbose_name_plural = _("sent mails")
        indexes = [
            models.Index(fields=["user", "-created_at"], name="sent_mail_user"),
            models.Index(fields=["created_at"], name="sent_mail_created"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.kind} {self.created_at:%Y-%m-%d}"


def hash_of(address: str) -> str:
    """Return a keyed hash of an address, by which a reader of the row alone learns no address."""
    key = settings.SESSION_ID_KEY.encode()
    return hmac.digest(key, b"mail:" + address.lower().encode(), "sha256")[:16].hex()
