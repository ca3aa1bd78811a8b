"""Store the events of the audit log."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from accounts.audit.vocabulary import EVENT_TYPES, EventType, Tone, method_label, reason_label
from accounts.client_info import DeviceMixin
from accounts.people.models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class AuditEvent(DeviceMixin, models.Model):
    """One event of an account. A row outlives its user and keeps the user's id.

    `trail` inserts a row. Then only three things change it: the worker seals it once
    (`chain.seal`), an erasure removes its personal part (`personal.erase`), and it is deleted
    after `AUDIT_RETENTION_MONTHS` (`pruning.prune`).

    No foreign key of the database holds `user` and `actor`: with one, the deletion of a user would
    change sealed rows. So `event.user` raises `User.DoesNotExist` after that, unless
    `select_related` has fetched it.
    """

    Type = EventType

    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(_("when"), default=timezone.now)
    type = models.CharField(_("what"), max_length=32, choices=EventType.choices)
    user = models.ForeignKey(
        User,
        models.DO_NOTHING,
        db_constraint=False,
        null=True,
        blank=True,
        db_index=False,  # `audit_user` begins with it
        related_name="audit_events",
        verbose_name=_("user"),
    )
    identifier = models.CharField(
        _("account"), max_length=254, blank=True, help_text=_("The email as it was, or as typed.")
    )
    sid = models.UUIDField(_("sign-in"), null=True, blank=True)
    ip = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    user_agent = models.CharField(_("user agent"), max_length=512, blank=True)
    reason = models.CharField(_("why"), max_length=32, blank=True)
    note = models.CharField(
        _("note"),
        max_length=200,
        blank=True,
        help_text=_("The words of an administrator. The owner of the account can read them."),
    )
    amr = models.JSONField(
        _("how"), default=list, blank=True, help_text=_("The methods of a sign-in or a proof.")
    )
    request_id = models.CharField(
        _("request"), max_length=64, blank=True, help_text=_("As in the log lines.")
    )
    actor = models.ForeignKey(
        User,
        models.DO_NOTHING,
        db_constraint=False,
        null=True,
        blank=True,
        db_index=False,  # `audit_actor` has the few that are set
        related_name="+",
        verbose_name=_("done by"),
        help_text=_("Set if another person than the account's owner did it."),
    )
    seq = models.BigIntegerField(_("number in the chain"), null=True, blank=True, editable=False)
    sealed_at = models.DateTimeField(_("sealed at"), null=True, blank=True, editable=False)
    hash = models.CharField(_("hash"), max_length=64, blank=True, editable=False)
    personal = models.JSONField(default=dict, editable=False, help_text="See `personal`.")

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["user", "-created_at"], name="audit_user"),
            models.Index(fields=["-created_at", "-id"], name="audit_created"),
            models.Index(fields=["id"], condition=Q(sealed_at=None), name="audit_unsealed"),
            # The panel's list, newest first, with its filters and its search.
            models.Index(fields=["type", "-created_at", "-id"], name="audit_type"),
            models.Index(
                fields=["reason", "-created_at", "-id"],
                name="audit_reason",
                condition=~Q(reason=""),
            ),
            # Both filters at once: without it, a type and a reason that never meet cost all rows of the type.
            models.Index(
                fields=["type", "reason", "-created_at", "-id"],
                name="audit_type_reason",
                condition=~Q(reason=""),
            ),
            models.Index(fields=["actor"], name="audit_actor", condition=Q(actor__isnull=False)),
            models.Index(
                fields=["ip", "-created_at", "-id"],
                name="audit_ip",
                condition=Q(ip__isnull=False),
            ),
            models.Index(fields=["sid"], name="audit_sid", condition=Q(sid__isnull=False)),
            models.Index(fields=["request_id"], name="audit_request", condition=~Q(request_id="")),
            # The operator class serves `LIKE 'kim@%'`, whatever the collation. An erasure uses it, too.
            models.Index(
                fields=["identifier", "-created_at", "-id"],
                name="audit_identifier",
                opclasses=["varchar_pattern_ops", "timestamptz_ops", "int8_ops"],
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["seq"], condition=Q(seq__isnull=False), name="audit_seq_unique"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.type} {self.identifier}"

    @property
    def label(self) -> "StrOrPromise":
        """Return the event's name in the reader's language; for an unknown type, the type."""
        entry = EVENT_TYPES.get(self.type)
        return entry.label if entry else self.type

    @property
    def tone(self) -> Tone:
        entry = EVENT_TYPES.get(self.type)
        return entry.tone if entry else Tone.CALM

    @property
    def is_alarming(self) -> bool:
        return self.tone is Tone.ALARMING

    @property
    def is_by_another(self) -> bool:
        """Return True if another person than the account's owner did it: an administrator."""
        return self.actor_id is not None and self.actor_id != self.user_id

    @property
    def icon(self) -> str:
        """Return the path of the icon's template; for an unknown type, that of `activity`."""
        entry = EVENT_TYPES.get(self.type)
        return f"icons/{entry.icon if entry else 'activity'}.html"

    @property
    def reason_label(self) -> "StrOrPromise":
        """Return the reason in the reader's language, or '' if there is none."""
        return reason_label(self.reason)

    @property
    def methods(self) -> "list[StrOrPromise]":
        """Return the names of the methods, in the reader's language."""
        return [method_label(value) for value in self.amr]


class EventCount(models.Model):
    """The number of sealed events of one hour that have the same type, reason and methods.

    `chain.seal` counts an event in the transaction that seals it, so each is counted once. The rows
    hold nothing personal.
    """

    hour = models.DateTimeField()
    type = models.CharField(max_length=32)
    reason = models.CharField(max_length=32, blank=True)
    methods = models.TextField(help_text="The JSON of `amr`.")
    number = models.BigIntegerField()

    class Meta:
        verbose_name = _("count of events")
        verbose_name_plural = _("counts of events")
        constraints = [
            models.UniqueConstraint(
                fields=["hour", "type", "reason", "methods"], name="event_count_unique"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H} {self.type} {self.number}"


class AuditChain(models.Model):
    """The end of the chain, in one row. Its lock makes sure that one process seals at a time."""

    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64)
    checkpoints = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("audit chain")
        verbose_name_plural = _("audit chain")

    @override
    def __str__(self) -> str:
        return f"{self.seq} {self.hash}"


class AuditCheckpoint(models.Model):
    """A signed statement about one row of the chain. The columns repeat what `statement` says."""

    class Kind(models.TextChoices):
        END = "end"
        """The chain ended with this row at the time."""
        START = "start"
        """The chain begins after this row: earlier rows were pruned."""

    number = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=5, choices=Kind)
    seq = models.BigIntegerField()
    created_at = models.DateTimeField()
    statement = models.TextField(help_text="JWS")

    class Meta:
        verbose_name = _("audit checkpoint")
        verbose_name_plural = _("audit checkpoints")
        ordering = ["number"]

    @override
    def __str__(self) -> str:
        return f"{self.number} {self.kind} {self.seq}"
