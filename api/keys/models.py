"""Store the keys that sign tokens. The API has no other table."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts import encryption
from accounts.encrypted import EncryptedText
from api.keys import jwk


class SigningKey(models.Model):
    """An asymmetric key. The private part is encrypted under `DATA_ENCRYPTION_KEYS`.

    The key is published from `created_at` on. It signs from `active_at` until the `active_at` of
    the next key, and stays published until the last token that it signed has expired. Once
    `retired_at` is set, its tokens are refused.
    """

    class Algorithm(models.TextChoices):
        ES256 = "ES256"
        EDDSA = "EdDSA"
        RS256 = "RS256"

    kid = models.CharField(primary_key=True, max_length=43, help_text="RFC 7638 thumbprint")
    algorithm = models.CharField(max_length=8, choices=Algorithm)
    public_pem = models.TextField()
    private_pem = EncryptedText(help_text="Encrypted")
    created_at = models.DateTimeField(default=timezone.now)
    active_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)
    successor_kid = models.CharField(
        max_length=43, blank=True, help_text="Set once: elects the one process that rotates"
    )

    class Meta:
        verbose_name = _("signing key")
        verbose_name_plural = _("signing keys")
        ordering = ["active_at", "kid"]

    @override
    def __str__(self) -> str:
        return f"{self.algorithm} {self.kid}"

    @classmethod
    def draw(cls, *, active_at: datetime) -> "SigningKey":
        """Make a key of `SIGNING_ALGORITHM`, save and return it. It signs from `active_at`."""
        fresh = jwk.generate(settings.SIGNING_ALGORITHM)
        return cls.objects.create(
            kid=fresh.kid,
            algorithm=settings.SIGNING_ALGORITHM,
            public_pem=fresh.public_pem,
            private_pem=encryption.encrypt(fresh.private_pem),
            active_at=active_at,
        )
