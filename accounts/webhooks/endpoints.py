"""Add, change, stop and start endpoints. Each change leaves an event in the audit log."""

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import outward
from accounts.audit import trail
from accounts.audit.vocabulary import EventType, WebhookStop
from accounts.client_info import ClientInfo
from accounts.mail import operators
from accounts.people.models import User
from accounts.webhooks import addresses
from accounts.webhooks.addresses import LookUp, Reason
from accounts.webhooks.models import OVERLAP, WebhookEndpoint

CHECK_SECONDS = 2.0
REST = timedelta(seconds=30)
"""The pause of an endpoint after a time-out."""
STOP_AFTER = timedelta(days=5)
"""An endpoint of which every attempt failed for so long is stopped."""

log = logging.getLogger(__name__)


def refusal_of(url: str, *, look_up: LookUp = addresses.look_up) -> Reason | None:
    """Return why this address must not be saved, or None.

    A name without an address may get one later, so it is no reason. Each delivery checks again.
    """
    try:
        target = addresses.parse(url)
        outward.within(
            CHECK_SECONDS, lambda: addresses.resolve(target, look_up=look_up), name="webhook-check"
        )
    except addresses.RefusedError as exc:
        return exc.reason if exc.reason is not Reason.UNKNOWN else None
    except (TimeoutError, outward.NoThreadError):
        return None
    return None


def add(
    endpoint: WebhookEndpoint, *, actor: User | None = None, client: ClientInfo | None = None
) -> str:
    """Save a new endpoint and return its secret, which nobody can see again."""
    secret = endpoint.renew_secret()
    with transaction.atomic():
        endpoint.save(force_insert=True)
        _record(EventType.WEBHOOK_ADDED, endpoint, actor=actor, client=client)
    return secret


def change(endpoint: WebhookEndpoint, *, actor: User, client: ClientInfo) -> None:
    """Save the changed address, events or personal data."""
    with transaction.atomic():
        endpoint.save(update_fields=["url", "description", "events", "has_personal_data"])
        _record(EventType.WEBHOOK_CHANGED, endpoint, actor=actor, client=client)


def remove(
    endpoint: WebhookEndpoint, *, actor: User | None = None, client: ClientInfo | None = None
) -> None:
    """Delete the endpoint and its deliveries."""
    with transaction.atomic():
        _record(EventType.WEBHOOK_REMOVED, endpoint, actor=actor, client=client)
        endpoint.delete()


def rotate(
    endpoint: WebhookEndpoint,
    *,
    overlap: timedelta = OVERLAP,
    actor: User | None = None,
    client: ClientInfo | None = None,
) -> str:
    """Make a new secret and return it. Until `overlap` from now it and those before it sign.

    Without an overlap the former secret ends at once, as after a leak.
    """
    with transaction.atomic():
        locked = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        secret = locked.renew_secret(overlap=overlap)
        locked.save(update_fields=["secret", "former_secret", "former_until"])
        _record(EventType.WEBHOOK_SECRET_ROTATED, locked, actor=actor, client=client)
    return secret


def stop(
    endpoint: WebhookEndpoint,
    *,
    reason: WebhookStop,
    actor: User | None = None,
    client: ClientInfo | None = None,
) -> bool:
    """Send nothing more to this endpoint. Returns False if it was stopped before."""
    with transaction.atomic():
        stopped = WebhookEndpoint.objects.filter(pk=endpoint.pk, stopped_at=None).update(
            stopped_at=timezone.now(), stopped_reason=reason
        )
        if stopped:
            _record(EventType.WEBHOOK_STOPPED, endpoint, reason=reason, actor=actor, client=client)
    return bool(stopped)


def start(
    endpoint: WebhookEndpoint, *, actor: User | None = None, client: ClientInfo | None = None
) -> bool:
    """Send the events from now on to this endpoint. Returns False if it was not stopped."""
    with transaction.atomic():
        started = WebhookEndpoint.objects.filter(pk=endpoint.pk, stopped_at__isnull=False).update(
            stopped_at=None, stopped_reason="", failing_since=None, rests_until=None
        )
        if started:
            _record(EventType.WEBHOOK_STARTED, endpoint, actor=actor, client=client)
    return bool(started)


def note_success(endpoint: WebhookEndpoint) -> None:
    """Note that the endpoint has accepted an event."""
    if endpoint.failing_since or endpoint.rests_until:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=None, rests_until=None)


def note_failure(endpoint: WebhookEndpoint, *, pause: timedelta) -> None:
    """Note that an attempt failed, and let the endpoint rest. Stops it if all failed for `STOP_AFTER`."""
    now, rows = timezone.now(), WebhookEndpoint.objects.filter(pk=endpoint.pk)
    rows.filter(failing_since=None).update(failing_since=now)
    if pause:
        rows.update(rests_until=now + pause)
    if rows.filter(failing_since__lte=now - STOP_AFTER).exists():
        fail(endpoint, reason=WebhookStop.FAILING)


def fail(endpoint: WebhookEndpoint, *, reason: WebhookStop) -> None:
    """Stop the endpoint without an operator, and tell the operators by mail and by a line of the log."""
    with transaction.atomic():
        is_stopped = stop(endpoint, reason=reason)
        if is_stopped:
            operators.webhook_stopped(endpoint.url, reason=reason)
    if is_stopped:
        log.error(
            "the webhook endpoint %s is stopped (%s): `manage.py webhooks start` starts it again",
            endpoint.pk,
            reason.value,
        )


def _record(
    type_: EventType,
    endpoint: WebhookEndpoint,
    *,
    actor: User | None,
    client: ClientInfo | None,
    reason: str = "",
) -> None:
    trail.record(type_, identifier=endpoint.url, reason=reason, actor=actor, client=client)
