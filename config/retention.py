"""List what is deleted after its time: one rule for each kind of row, with its setting.

`manage.py prune` shows and applies them, the worker applies them each hour, `doctor` reports them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet

from accounts.audit import counts
from accounts.audit import pruning as audit_pruning
from accounts.invitations import invitations
from accounts.mail import sending
from accounts.moving import spent
from accounts.operators import bulk
from accounts.people.models import User
from accounts.signins import pruning, retention, trusted_browsers
from accounts.webhooks import delivery

DAY = 86400


@dataclass(frozen=True)
class Rule:
    """A kind of row that is deleted after its time."""

    name: str
    says: Callable[[], str]
    """The rule for people, by the present settings."""
    count: Callable[[], int]
    """How many are due now."""
    apply: Callable[[], Iterator[int]]
    """Do what is due, in batches, and yield the size of each. May be stopped and called again."""
    people: Callable[[], QuerySet[User]] | None = None
    """The accounts that are due, for the list of a dry run; None if the rows are no accounts."""

    def finish(self) -> int:
        """Do all that is due. Returns how many."""
        return sum(self.apply())


def _days(number: int, *, what: str) -> str:
    return f"{number} days {what}" if number > 0 else "kept"


def _months() -> str:
    months = settings.AUDIT_RETENTION_MONTHS
    return f"{months} months" if months > 0 else "kept"


RULES = (
    Rule(
        "sign-ins",
        lambda: _days(max(settings.SIGN_IN_RETENTION_DAYS, 1), what="after their end"),
        lambda: pruning.ended().count(),
        pruning.prune,
    ),
    Rule(
        "trusted-browsers",
        lambda: _days(settings.MFA_TRUSTED_BROWSER_DAYS, what="of trust"),
        lambda: trusted_browsers.old().count(),
        lambda: iter([trusted_browsers.prune()]),
    ),
    Rule(
        "webhook-deliveries",
        lambda: _days(delivery.KEEP.days, what="after the event"),
        lambda: delivery.old().count(),
        lambda: iter([delivery.prune()]),
    ),
    Rule(
        "mail-records",
        lambda: _days(sending.KEPT.days, what="after the mail"),
        lambda: sending.old().count(),
        lambda: iter([sending.prune()]),
    ),
    Rule(
        "invitations",
        lambda: _days(invitations.KEEP.days, what="after their end"),
        lambda: invitations.old().count(),
        lambda: iter([invitations.prune()]),
    ),
    Rule(
        "spent-tokens",
        lambda: "a day after their expiry",
        lambda: spent.old().count(),
        lambda: iter([spent.prune()]),
    ),
    Rule(
        "bulk-runs",
        lambda: _days(bulk.KEPT.days, what="after the choice"),
        lambda: bulk.old().count(),
        lambda: iter([bulk.prune()]),
    ),
    Rule(
        "event-counts",
        lambda: _days(counts.KEPT.days, what="after the hour"),
        lambda: counts.old().count(),
        lambda: iter([counts.prune()]),
    ),
    Rule(
        "audit-events",
        _months,
        audit_pruning.count,
        lambda: iter([audit_pruning.prune()]),
    ),
    Rule(
        "unverified-accounts",
        lambda: _days(settings.UNVERIFIED_ACCOUNT_DAYS, what="after the sign-up"),
        lambda: retention.unverified().count(),
        retention.erase_unverified,
        retention.unverified,
    ),
    Rule(
        "dormant-accounts",
        lambda: _days(
            settings.DORMANT_ACCOUNT_DAYS,
            what=f"after the last sign-in, then {settings.DORMANT_NOTICE_DAYS} days after a mail",
        ),
        lambda: retention.dormant().count(),
        retention.warn_dormant,
        retention.dormant,
    ),
)


def dormancy_fault() -> str:
    """Return what is wrong with `DORMANT_ACCOUNT_DAYS`, or ''."""
    days, lifetime = settings.DORMANT_ACCOUNT_DAYS, settings.AUTH_SESSION_LIFETIME
    if days <= 0:
        return ""
    if days * DAY <= lifetime.total_seconds():
        return (
            f"{days} days are not longer than a sign-in may last ({lifetime.days} days), so an account "
            "in use could count as dormant"
        )
    return "" if settings.DORMANT_NOTICE_DAYS > 0 else "DORMANT_NOTICE_DAYS must be at least 1"
