"""Store invitations. The row has only a hash of the link's token."""

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.people.models import User


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def unused(self) -> Self:
        """Select those that were neither accepted nor revoked. Some may have expired."""
        return self.filter(accepted_at=None, revoked_at=None)

    def open(self) -> Self:
        """Select those that somebody can still accept."""
        return self.unused().filter(expires_at__gt=timezone.now())


class Invitation(models.Model):
    """An address that may sign up once. It is deleted with the account that used it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("email"))
    locale = models.CharField(_("language"), max_length=5, default=settings.LANGUAGE_CODE)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    """SHA-256 of the token of the last link. A link that is sent again replaces it."""
    invited_by = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("invited by"),
    )
    user = models.OneToOneField(
        User,
        models.CASCADE,
        null=True,
        editable=False,
        related_name="invitation",
        verbose_name=_("account"),
    )
    created_at = models.DateTimeField(_("added"), default=timezone.now, editable=False)
    sent_at = models.DateTimeField(_("sent"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"), editable=False)
    accepted_at = models.DateTimeField(_("accepted"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="invitation_created"),
            # The operator class serves `LIKE 'kim@%'`, whatever the collation.
            models.Index(
                fields=["email"], name="invitation_email", opclasses=["varchar_pattern_ops"]
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="one_unused_invitation",
            )
        ]

    @override
    def __str__(self) -> str:
        return self.email

    @property
    def is_open(self) -> bool:
        """Return True if somebody can still accept it. Only the write of `spend` decides."""
        is_unused = self.accepted_at is None and self.revoked_at is None
        return is_unused and self.expires_at > timezone.now()

    @property
    def state(self) -> str:
        if self.is_open:
            return gettext("Open")
        if self.accepted_at:
            return gettext("Accepted")
        return gettext("Revoked") if self.revoked_at else gettext("Expired")
