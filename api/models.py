"""The one table of the wire: keys that sign tokens."""

from django.db import models
from django.utils import timezone


class SigningKey(models.Model):
    """An asymmetric key. The private part rests encrypted under `DATA_ENCRYPTION_KEYS`."""

    class Algorithm(models.TextChoices):
        ES256 = "ES256"
        EDDSA = "EdDSA"
        RS256 = "RS256"

    kid = models.CharField(primary_key=True, max_length=43, help_text="RFC 7638 thumbprint")
    algorithm = models.CharField(max_length=8, choices=Algorithm)
    public_pem = models.TextField()
    private_pem = models.TextField(help_text="Encrypted")
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.algorithm} {self.kid}"
