"""Listen to `accounts.metrics` and to the audit log, and record what they say with prometheus-client."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.conf import settings

from accounts import metrics
from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import LoginFailure, Method
from accounts.metrics import Kind, Listener, Metric
from config.metrics import files

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""The upper ends of the buckets of all durations."""
PASSKEYS = {Method.HARDWARE_KEY, Method.KEY, Method.PRESENCE}
METHODS: dict[str, str] = {
    LoginFailure.CLONED_PASSKEY: "passkey",
    LoginFailure.PROVIDER_TOKEN_REFUSED: "provider",
    LoginFailure.WRONG_CODE: "code",
    LoginFailure.WRONG_PASSKEY: "passkey",
    LoginFailure.WRONG_PASSWORD: "password",
    LoginFailure.WRONG_SECOND_STEP: "second_step",
}
"""The method that a failed attempt used, by its reason. Other reasons don't tell."""


_is_listening = False


def install() -> None:
    """Record all metrics of this process from now on. Opens files: for processes that serve."""
    global _is_listening  # noqa: PLW0603 - a subscription has no end
    files.prepare()
    for metric in metrics.ALL:
        metric.listener = _listener(metric)
    if not _is_listening:
        _is_listening = True
        trail.listen(_count)


def _listener(metric: Metric) -> Listener:
    """Return a listener that remembers the part of the metric for each combination of labels."""
    parent, method = _made(metric)
    known: dict[tuple[str, ...], Callable[[float], object]] = {}

    def listen(labels: tuple[str, ...], amount: float) -> None:
        record = known.get(labels)
        if record is None:
            child = parent.labels(*labels) if labels else parent
            record = known[labels] = getattr(child, method)
        record(amount)

    return listen


def _made(metric: Metric) -> tuple[Any, str]:
    """Return a metric of prometheus-client, and the name of the method that takes an amount."""
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram  # noqa: PLC0415 - when its files have a place

    # A registry of its own: an answer reads the files of all processes, not the objects of this one.
    about = metric.name, metric.help, metric.labels
    registry = CollectorRegistry()
    match metric.kind:
        case Kind.COUNTER:
            return Counter(*about, registry=registry), "inc"
        case Kind.DURATION:
            return Histogram(*about, registry=registry, buckets=SECONDS), "observe"
        case Kind.STATE:
            return Gauge(*about, registry=registry, multiprocess_mode="livemax"), "set"
        case Kind.LEVEL:
            return Gauge(*about, registry=registry, multiprocess_mode="livesum"), "inc"


def _count(events: Sequence[AuditEvent]) -> None:
    for event in events:
        metrics.AUDIT_EVENTS.note(str(event.type))
        if event.type == AuditEvent.Type.LOGIN_SUCCEEDED:
            metrics.SIGN_INS.note(method_of(event.amr), "succeeded")
        elif event.type == AuditEvent.Type.LOGIN_FAILED:
            metrics.SIGN_INS.note(METHODS.get(event.reason, "unknown"), str(event.reason))


def method_of(amr: Iterable[str]) -> str:
    """Return the name of the first step of a sign-in with these methods."""
    used = set(amr)
    if Method.PASSWORD in used:
        return "password"
    for provider in sorted(settings.PROVIDER_CLIENTS):
        if provider in used:
            return str(provider)
    if used & PASSKEYS:
        return "passkey"
    return "code" if Method.CODE in used else "unknown"
