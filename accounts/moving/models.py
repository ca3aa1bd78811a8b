"""Remember under which id an account came from another system, and which of its tokens were exchanged."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.people.models import User


class ExternalId(models.Model):
    """The id that an account had in the system that it came from.

    By it, an import that runs again knows the account.
    """

    user = models.ForeignKey(
        User, models.CASCADE, related_name="external_ids", verbose_name=_("user")
    )
    source = models.CharField(_("source"), max_length=32)
    external_id = models.CharField(_("id there"), max_length=255)
    created_at = models.DateTimeField(_("when"), default=timezone.now)
    waits_for_password = models.BooleanField(default=False, editable=False)
    """True until the account that came without a hash has a password (`former`)."""
    waits_for_proof = models.BooleanField(default=False, editable=False)
    """True until somebody proves an address of the account that came without a proved one (`arrivals`)."""
    takes_tokens = models.BooleanField(default=True, editable=False)
    """False after the first end of all sign-ins here: then no token of the old site opens the account."""

    class Meta:
        verbose_name = _("id in another system")
        verbose_name_plural = _("ids in other systems")
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="external_id_unique")
        ]

    @override
    def __str__(self) -> str:
        return f"{self.source} {self.external_id}"


class Departure(models.Model):
    """An account of another system that was deleted here. An import skips it from then on."""

    digest = models.CharField(primary_key=True, max_length=64)
    """A keyed hash of the source and the id there, by which a reader of the row alone learns nobody."""

    class Meta:
        verbose_name = _("departure")
        verbose_name_plural = _("departures")

    @override
    def __str__(self) -> str:
        return self.digest


class SpentToken(models.Model):
    """A refresh token of the old site that was exchanged. Its row makes a second exchange impossible."""

    # SHA-256 of the signed part of the token.
    digest = models.CharField(primary_key=True, max_length=64)
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = _("exchanged token")
        verbose_name_plural = _("exchanged tokens")
        indexes = [models.Index(fields=["expires_at"], name="spent_token_expires")]

    @override
    def __str__(self) -> str:
        return self.digest
