"""Store the reports "it wasn't me", for the operators who look after them."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.audit.vocabulary import Denied, reason_label
from accounts.people.models import User


class Report(models.Model):
    """One report of an owner. An operator closes it, with a note. It is deleted with the user."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="reports", verbose_name=_("user"))
    about = models.CharField(_("what"), max_length=32, choices=Denied.choices)
    sid = models.UUIDField(_("sign-in"), null=True, blank=True)
    created_at = models.DateTimeField(_("when"), default=timezone.now)
    event_id = models.BigIntegerField(
        _("audit event"), help_text=_("Its id. The log deletes old events.")
    )
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    closed_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("closed by")
    )
    note = models.CharField(
        _("note"),
        max_length=200,
        blank=True,
        help_text=_("What you found and did. The owner of the account can read this."),
    )

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports: it wasn't me")
        ordering = ["-created_at", "-id"]
        # The panel's list, newest first, with its filters and its search.
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="report_created"),
            models.Index(
                fields=["-created_at", "-id"],
                name="report_open",
                condition=models.Q(closed_at__isnull=True),
            ),
            models.Index(fields=["about", "-created_at", "-id"], name="report_about"),
            models.Index(fields=["sid"], name="report_sid", condition=models.Q(sid__isnull=False)),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.user} {self.created_at:%Y-%m-%d}"

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def about_label(self) -> str:
        return str(reason_label(self.about))
