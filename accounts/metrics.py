"""List the metrics, and note their values. Without a listener a note costs one look at an attribute.

The rooms call `note` where something happens. `config.metrics` listens if `METRICS_PORT` is set, and
serves the values to Prometheus. Labels have few values, which the code names: never an address, an
id, a path, or a text that a caller chose. `docs/metrics.md` explains each metric.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

Listener = Callable[[tuple[str, ...], float], object]
"""A function that takes the values of the labels, and the amount."""


class Kind(Enum):
    COUNTER = auto()
    """A note adds its amount."""
    DURATION = auto()
    """A note is one duration in seconds."""
    STATE = auto()
    """A note is the present value in this process. Of all processes the highest counts."""
    LEVEL = auto()
    """A note adds its amount, which may be negative. The sum over all processes counts."""


@dataclass(eq=False)
class Metric:
    """One metric and its labels. Its name follows Prometheus' rules: the unit is its last word."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    listener: Listener | None = None

    def note(self, *labels: str, amount: float = 1.0) -> None:
        """Pass this on to the listener, if there is one."""
        if self.listener is not None:
            self.listener(labels, amount)


SIGN_INS = Metric(
    "munjigi_sign_ins",
    Kind.COUNTER,
    "Attempts to sign in: `succeeded`, or the reason of the failure.",
    ("method", "outcome"),
)
AUDIT_EVENTS = Metric(
    "munjigi_audit_events", Kind.COUNTER, "Events of the audit log, after their commit.", ("type",)
)
REFRESHES = Metric(
    "munjigi_refreshes", Kind.COUNTER, "Refresh tokens that were presented.", ("outcome",)
)
REVOCATION_AGE = Metric(
    "munjigi_revocation_age_seconds",
    Kind.DURATION,
    "Time from the end of a sign-in until this process learnt of it.",
    ("source",),
)
REDIS_DOWN = Metric(
    "munjigi_redis_down", Kind.STATE, "1 while calls of this kind to Redis fail.", ("kind",)
)
REDIS_STALLS = Metric(
    "munjigi_redis_stall_seconds",
    Kind.DURATION,
    "Length of an outage of Redis, noted at its end.",
    ("kind",),
)
JOBS = Metric(
    "munjigi_jobs",
    Kind.COUNTER,
    "Attempts at jobs of the outbox: `done`, `failed` (tried again) or `given_up`.",
    ("kind", "outcome"),
)
STREAMS = Metric("munjigi_streams", Kind.LEVEL, "Open streams of /events.")
RATE_LIMITED = Metric(
    "munjigi_rate_limit_refusals", Kind.COUNTER, "Refusals by a rate limit.", ("limit",)
)
REQUESTS = Metric(
    "munjigi_request_seconds",
    Kind.DURATION,
    "Duration of requests, by the name of their route and the class of the status.",
    ("route", "status"),
)
PROVIDER_CALLS = Metric(
    "munjigi_provider_calls",
    Kind.COUNTER,
    "Calls to sign-in providers: `answered`, `timed_out`, `failed` or `refused` (while it is down).",
    ("provider", "outcome"),
)
PROCESSES = Metric("munjigi_processes", Kind.LEVEL, "Running processes.", ("role",))

ALL = (
    *(SIGN_INS, AUDIT_EVENTS, REFRESHES, REVOCATION_AGE, REDIS_DOWN, REDIS_STALLS, JOBS, STREAMS),
    *(RATE_LIMITED, REQUESTS, PROVIDER_CALLS, PROCESSES),
)
