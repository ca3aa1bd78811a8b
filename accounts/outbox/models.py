"""Store jobs: one row for each job that waits for the worker."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from typing_extensions import override

from accounts.encrypted import EncryptedText


class Job(models.Model):
    """Work for the worker. The row is deleted when the job is done or given up.

    The payload is encrypted: a mail contains codes and reset links, a message to a provider its
    token.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Of whom the payload tells. The job is deleted with the user, unless it names nobody.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+", editable=False
    )
    kind = models.CharField(max_length=32)
    payload = EncryptedText(help_text="JSON, encrypted under DATA_ENCRYPTION_KEYS")
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(
        default=timezone.now,
        help_text="When it is due. A worker that takes it moves this to the end of its lease.",
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["kind", "not_before"], name="job_due")]

    @override
    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
