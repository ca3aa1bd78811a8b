"""Store the resets that operators ask for, and the grace periods of accounts."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.people.models import User


class FactorReset(models.Model):
    """An operator's order to remove all second factors of a person who lost them.

    The worker carries it out at `due_at`, unless somebody has stopped it. Rows are kept as a record,
    and deleted with the user.
    """

    class Outcome(models.TextChoices):
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        User, models.CASCADE, related_name="factor_resets", verbose_name=_("user")
    )
    asked_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("asked by")
    )
    is_by_command = models.BooleanField(_("asked on the command line"), default=False)
    reason = models.CharField(
        _("reason"),
        max_length=200,
        help_text=_(
            "How you made sure that the owner of the account asks. The owner can read this."
        ),
    )
    created_at = models.DateTimeField(_("asked"), default=timezone.now)
    due_at = models.DateTimeField(_("due"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=8, choices=Outcome, blank=True)
    # SHA-256 of the token in the mail. The token has 256 random bits, so this needs no salt.
    stop_digest = models.CharField(max_length=64, unique=True, editable=False)

    class Meta:
        verbose_name = _("reset of second factors")
        verbose_name_plural = _("resets of second factors")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(ended_at=None), name="factor_reset_one_pending"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, outcome="") | Q(ended_at__isnull=False) & ~Q(outcome=""),
                name="factor_reset_ended_has_outcome",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], name="factor_reset_due", condition=Q(ended_at__isnull=True)
            ),
            # The panel's list, newest first, with its filter.
            models.Index(fields=["-created_at", "-id"], name="factor_reset_created"),
            models.Index(fields=["outcome", "-created_at", "-id"], name="factor_reset_outcome"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.user} {self.created_at:%Y-%m-%d}"


class GracePeriod(models.Model):
    """The first sign-in of an account under the policy, from which `MFA_GRACE_DAYS` count.

    The row stays, so that nothing begins a second period.
    """

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="grace_period")
    started_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("grace period")
        verbose_name_plural = _("grace periods")

    @override
    def __str__(self) -> str:
        return f"{self.user_id} {self.started_at:%Y-%m-%d}"
