"""Count what the operators' dashboard shows."""

from collections import Counter
from dataclasses import astuple, dataclass, field
from datetime import date, datetime, timedelta
from functools import cache as cached
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.audit import counts
from accounts.audit.vocabulary import EventType, Method, method_label
from accounts.factors.registry import FACTORS
from accounts.people.models import User
from accounts.signins.models import AuthSession

STATE_SECONDS = 300
"""Age at which the worker counts accounts and active sign-ins again: this reads all accounts."""
KEPT_SECONDS = 24 * 3600
"""Time for which the last numbers are shown, with their time, if no worker runs."""
_STATE_KEY = "support:state"
FAILED, SUCCEEDED = EventType.LOGIN_FAILED, EventType.LOGIN_SUCCEEDED
SIGNED_UP, DENIED = EventType.USER_SIGNED_UP, EventType.ACTIVITY_DENIED
TYPES = [SUCCEEDED, FAILED, SIGNED_UP, DENIED]


@dataclass(frozen=True)
class Range:
    """A time until now, which a chart shows by hours or by days of the reader's time zone."""

    name: str
    label: Any
    days: int

    @property
    def is_by_hour(self) -> bool:
        return self.days == 1

    def steps(self, now: datetime) -> list[datetime]:
        """Return the beginning of each hour or day, the oldest first."""
        if self.is_by_hour:
            last = counts.hour_of(now)
            return [timezone.localtime(last - timedelta(hours=back)) for back in range(23, -1, -1)]
        today = timezone.localdate(now)
        return [_midnight(today - timedelta(days=back)) for back in range(self.days - 1, -1, -1)]

    def step_of(self, hour: datetime) -> datetime:
        local = timezone.localtime(hour)
        return local if self.is_by_hour else _midnight(local.date())


RANGES = {
    each.name: each
    for each in (
        Range("24h", _("24 hours"), 1),
        Range("7d", _("7 days"), 7),
        Range("30d", _("30 days"), 30),
    )
}
DEFAULT = RANGES["24h"]


@dataclass
class Events:
    """The numbers of events in a range."""

    start: datetime
    steps: list[datetime]
    by_step: dict[str, Counter[datetime]] = field(default_factory=dict)
    """For each type, the number in each step."""
    reasons: Counter[str] = field(default_factory=Counter)
    """The failed sign-ins by reason."""
    methods: Counter[str] = field(default_factory=Counter)
    """The sign-ins by label of the method. One with several methods counts for each."""

    def total(self, type_: EventType) -> int:
        return self.by_step[type_].total()


@dataclass(frozen=True)
class State:
    """The numbers of accounts and sign-ins at a time. Only enabled accounts count."""

    at: datetime
    sign_ins: int
    users: int
    users_with_factor: int
    staff: int
    staff_with_factor: int


def events(chosen: Range, now: datetime) -> Events:
    """Count the events of a range, in one statement."""
    steps = chosen.steps(now)
    found = Events(steps[0], steps, {type_: Counter() for type_ in TYPES})
    # There are thousands of rows, but few hours and few sets of methods.
    step_of = cached(chosen.step_of)
    by_methods: Counter[tuple[str, ...]] = Counter()
    for each in counts.since(found.start, types=TYPES):
        found.by_step[each.type][step_of(each.hour)] += each.number
        if each.type == FAILED:
            found.reasons[each.reason] += each.number
        if each.type == SUCCEEDED:
            by_methods[each.methods] += each.number
    for methods, number in by_methods.items():
        for label in {str(method_label(way)) for way in methods if way != Method.PRESENCE}:
            found.methods[label] += number
    return found


def state() -> State | None:
    """Return the last numbers that `count_if_due` kept, or None. Asks no database."""
    if kept := cache.get(_STATE_KEY):
        at, *numbers = kept
        return State(datetime.fromisoformat(at), *numbers)
    return None


def count_if_due() -> None:
    """Count accounts and active sign-ins for the dashboard, unless the kept numbers are new.

    The worker calls this, so that no reader of the dashboard waits for it.
    """
    kept = state()
    if kept and timezone.now() - kept.at < timedelta(seconds=STATE_SECONDS):
        return
    at, *numbers = astuple(_count_state())
    cache.set(_STATE_KEY, [at.isoformat(), *numbers], KEPT_SECONDS)


def _count_state() -> State:
    enabled = User.objects.filter(is_active=True)
    kinds = [factor.id for factor in FACTORS.values() if factor.is_enough]
    owners = Authenticator.objects.filter(type__in=kinds).values("user")
    both = {"users": Count("pk"), "staff": Count("pk", filter=Q(is_staff=True))}
    everybody = enabled.aggregate(**both)
    protected = enabled.filter(pk__in=owners).aggregate(**both)
    return State(
        at=timezone.now(),
        sign_ins=AuthSession.objects.active().count(),
        users=everybody["users"],
        users_with_factor=protected["users"],
        staff=everybody["staff"],
        staff_with_factor=protected["staff"],
    )


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - made aware
