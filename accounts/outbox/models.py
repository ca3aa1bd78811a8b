"""Jobs that wait for the worker."""

import uuid

from django.db import models
from django.utils import timezone


class OutgoingMail(models.Model):
    """A message waiting for the worker; deleted once it is sent.

    Mail carries codes and reset links, so the message rests encrypted.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message = models.TextField(help_text="The message, encrypted under DATA_ENCRYPTION_KEYS")
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.id)


class Unlinking(models.Model):
    """A connection that ended here and whose provider isn't told yet; deleted once it is."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.CharField(max_length=32)
    secret = models.TextField(help_text="Whose, and by which token: under DATA_ENCRYPTION_KEYS")
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return str(self.id)
