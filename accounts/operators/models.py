"""Store notes of operators, and what operators propose: an address, a superuser."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.people.models import User


class OperatorNote(models.Model):
    """A note of an operator about an account. It is only added, and deleted with the user."""

    user = models.ForeignKey(
        User,
        models.CASCADE,
        db_index=False,  # `operator_note_user` begins with it
        related_name="operator_notes",
        verbose_name=_("user"),
    )
    author = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", verbose_name=_("author")
    )
    text = models.TextField(
        _("note"), max_length=2000, help_text=_("The owner of the account can read this.")
    )
    created_at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("note of an operator")
        verbose_name_plural = _("notes of operators")
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["user", "-created_at"], name="operator_note_user")]

    @override
    def __str__(self) -> str:
        return f"{self.user_id} {self.created_at:%Y-%m-%d}"


class Outcome(models.TextChoices):
    DONE = "done", _("Done")
    STOPPED = "stopped", _("Stopped")


class Proposal(models.Model):
    """What one operator proposes for an account. It waits for somebody else, and ends once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    reason = models.CharField(_("reason"), max_length=200)
    asked_by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", verbose_name=_("asked by")
    )
    created_at = models.DateTimeField(_("asked"), default=timezone.now)
    expires_at = models.DateTimeField(_("valid until"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=8, choices=Outcome, blank=True)

    class Meta:
        abstract = True

    @property
    def is_open(self) -> bool:
        return self.ended_at is None and self.expires_at > timezone.now()


class EmailProposal(Proposal):
    """An address for an account. It counts after its owner has proved it, and not before `due_at`."""

    user = models.ForeignKey(
        User, models.CASCADE, related_name="email_proposals", verbose_name=_("user")
    )
    email = models.EmailField(_("email"))
    due_at = models.DateTimeField(_("due"))
    proved_at = models.DateTimeField(_("proved"), null=True, blank=True)
    # SHA-256 of the tokens in the two mails. A token has 256 random bits, so this needs no salt.
    proof_digest = models.CharField(max_length=64, unique=True, editable=False)
    stop_digest = models.CharField(max_length=64, unique=True, editable=False)

    class Meta:
        verbose_name = _("proposed email")
        verbose_name_plural = _("proposed emails")
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(ended_at=None), name="email_proposal_one_open"
            )
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="email_proposal_due",
                condition=Q(ended_at=None, proved_at__isnull=False),
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.email} {self.created_at:%Y-%m-%d}"


class SuperuserProposal(Proposal):
    """One operator proposes that this user becomes a superuser. Another one confirms it."""

    user = models.ForeignKey(
        User, models.CASCADE, related_name="superuser_proposals", verbose_name=_("user")
    )

    class Meta:
        verbose_name = _("proposed superuser")
        verbose_name_plural = _("proposed superusers")
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(ended_at=None), name="superuser_proposal_one_open"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.user_id} {self.created_at:%Y-%m-%d}"


class BulkRun(models.Model):
    """One act on many accounts. Its targets are fixed when the operator sees the preview."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    act = models.CharField(max_length=32)
    values = models.JSONField(default=dict)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    asked_by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", verbose_name=_("asked by")
    )
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=512, blank=True)
    created_at = models.DateTimeField(_("asked"), default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    stopped_by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", verbose_name=_("stopped by")
    )
    is_stopped = models.BooleanField(default=False)
    chosen_by = models.CharField(max_length=500, blank=True)
    """The filter of the list, as its address has it, if the run acts on all that match. '' for a selection."""
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("act on many users")
        verbose_name_plural = _("acts on many users")
        indexes = [models.Index(fields=["created_at", "id"], name="bulk_run_created")]

    @override
    def __str__(self) -> str:
        return f"{self.act} {self.created_at:%Y-%m-%d}"

    @property
    def is_under_way(self) -> bool:
        return self.started_at is not None and self.ended_at is None

    @property
    def acted(self) -> int:
        return self.done + self.failed

    @property
    def state(self) -> str:
        if self.started_at is None:
            return gettext("Not started")
        if self.ended_at is None:
            return gettext("Under way")
        return gettext("Stopped") if self.is_stopped else gettext("Finished")


class BulkTarget(models.Model):
    """One account of a run."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waits")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    # `bulk_target_once` begins with it.
    run = models.ForeignKey(BulkRun, models.CASCADE, db_index=False, related_name="targets")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    why = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "user"], name="bulk_target_once")]
        indexes = [
            models.Index(
                fields=["run", "id"], name="bulk_target_waiting", condition=Q(state="waiting")
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.run_id} {self.user_id}"
