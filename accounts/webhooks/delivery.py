"""Write deliveries in the transaction of the event, and deliver them from the worker.

`follow` hears of every event of the audit log. The job of the outbox names the delivery, so that a
delivery whose worker died is sent again with the same `webhook-id`.
"""

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from typing_extensions import override

from accounts import brand, statements
from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import EventType, WebhookStop
from accounts.outbox import jobs
from accounts.outbox.jobs import Payload
from accounts.outbox.models import Job
from accounts.people.models import User
from accounts.webhooks import addresses, endpoints, events, sending, signing
from accounts.webhooks.models import ANSWER_MAX, WebhookDelivery, WebhookEndpoint, utc

KIND = "webhook"
KEEP = timedelta(days=7)
"""How long a delivery is kept for the list and for a replay."""
USER_AGENT = f"{brand.product_token()}-Webhooks/1"

_ACTIVE = "SELECT id, events FROM accounts_webhookendpoint WHERE stopped_at IS NULL"

Status = WebhookDelivery.Status

log = logging.getLogger(__name__)


class RefusedError(Exception):
    """The receiver answered with another status than 2xx, and asks for this pause."""

    def __init__(self, text: str, *, pause: timedelta) -> None:
        super().__init__(text)
        self.pause = pause


def follow(recorded: Sequence[AuditEvent], user_id: UUID | None) -> None:
    """Write a delivery and a job for each event and each endpoint that subscribes to it.

    Once an account is erased, its earlier deliveries go, except those that wait: with their times they
    could lead from the pseudonym in the audit log back to the account.
    """
    if user_id and any(event.type == EventType.USER_ERASED for event in recorded):
        WebhookDelivery.objects.filter(user_id=user_id).exclude(status=Status.WAITING).delete()
    columns = statements.columns_of(WebhookEndpoint, "id", "events")
    active = statements.rows(_ACTIVE, [], columns)
    deliveries = [
        WebhookDelivery(
            endpoint_id=endpoint,
            type=events.CAUSED[event.type],
            cause=event.type,
            user_id=user_id,
            sid=event.sid,
            reason=event.reason,
            occurred_at=event.created_at,
        )
        for event in recorded
        for endpoint, wanted in active
        if events.CAUSED[event.type] in wanted
    ]
    if deliveries:
        WebhookDelivery.objects.bulk_create(deliveries, batch_size=500)
        jobs.enqueue_each(KIND, [_payload_of(each) for each in deliveries])


def send_test(
    endpoint: WebhookEndpoint, *, not_before: datetime | None = None
) -> tuple[WebhookDelivery, Job]:
    """Write a test event for this endpoint, whatever it subscribes to. Returns it and its job."""
    with transaction.atomic():
        delivery = WebhookDelivery.objects.create(
            endpoint=endpoint, type=events.TEST, occurred_at=timezone.now()
        )
        return delivery, jobs.enqueue(KIND, _payload_of(delivery), not_before=not_before)


def replay(delivery: WebhookDelivery) -> bool:
    """Deliver it again, with the same `webhook-id`. Returns False if it waits already."""
    with transaction.atomic():
        rows = WebhookDelivery.objects.filter(pk=delivery.pk).exclude(status=Status.WAITING)
        if not rows.update(status=Status.WAITING):
            return False
        jobs.enqueue(KIND, _payload_of(delivery))
    return True


def prune() -> int:
    """Delete the deliveries that are older than `KEEP`, which ends all retries. Returns how many."""
    deleted, _ = old().delete()
    return deleted


def old() -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(occurred_at__lt=timezone.now() - KEEP)


def body_of(delivery: WebhookDelivery) -> bytes:
    """Return the JSON that is sent and signed."""
    data: dict[str, Any] = {
        "sub": str(delivery.user_id) if delivery.user_id else None,
        "sid": str(delivery.sid) if delivery.sid else None,
        "cause": delivery.cause or None,
        "reason": delivery.reason or None,
    }
    if delivery.endpoint.has_personal_data:
        user = User.objects.filter(pk=delivery.user_id).first() if delivery.user_id else None
        data["email"] = user.email if user else None
        data["name"] = user.display_name if user else None
    content = {"type": delivery.type, "timestamp": utc(delivery.occurred_at), "data": data}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


class WebhookHandler(jobs.Handler):
    """Deliver one event to one endpoint."""

    kind = KIND
    retry_after = (
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=5),
        timedelta(hours=10),
        timedelta(hours=7),
    )

    look_up = staticmethod(addresses.look_up)

    @override
    def do(self, payload: Payload) -> None:
        delivery = _delivery_in(payload)
        if delivery is None:  # the endpoint was removed
            return
        endpoint = delivery.endpoint
        if not endpoint.is_active:
            _settle(delivery, Status.DROPPED)
            return
        if endpoint.rests_until is not None and endpoint.rests_until > timezone.now():
            raise jobs.PostponedError(endpoint.rests_until)
        answer = self._send(delivery)
        _note_attempt(
            delivery,
            status_code=answer.status,
            answer=answer.body[:ANSWER_MAX].decode(errors="replace").replace("\x00", ""),
        )
        if answer.status == HTTPStatus.GONE:
            _settle(delivery, Status.FAILED)
            endpoints.fail(endpoint, reason=WebhookStop.GONE)
            return
        if answer.status // 100 != 2:  # noqa: PLR2004 - the class of the status
            raise RefusedError(f"answered {answer.status}", pause=answer.pause)
        _settle(delivery, Status.DELIVERED)
        endpoints.note_success(endpoint)

    @override
    def failed(self, payload: Payload, error: Exception, *, attempt: int) -> None:
        delivery = _delivery_in(payload)
        if delivery is None:
            return
        expected = (RefusedError, sending.SendError, addresses.RefusedError)
        reason = str(error) if isinstance(error, expected) else type(error).__name__
        if not isinstance(error, RefusedError):
            _note_attempt(delivery, error=reason)
        endpoints.note_failure(delivery.endpoint, pause=_pause_after(error))
        log.warning(
            "webhook %s wasn't delivered (attempt %d): %s",
            delivery.message_id,
            attempt,
            reason,
            exc_info=None if isinstance(error, expected) else error,
        )

    @override
    def given_up(self, payload: Payload) -> None:
        delivery = _delivery_in(payload)
        if delivery is not None:
            _settle(delivery, Status.FAILED)
            log.error("webhook %s was never delivered: given up", delivery.message_id)

    def _send(self, delivery: WebhookDelivery) -> sending.Answer:
        body = body_of(delivery)
        signed = signing.headers(
            delivery.message_id,
            timestamp=int(timezone.now().timestamp()),
            body=body,
            keys=delivery.endpoint.secrets(),
        )
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT, **signed}
        return sending.post(delivery.endpoint.url, body, headers=headers, look_up=self.look_up)


jobs.register(WebhookHandler())


def _is_wanted(cause: EventType) -> str:
    """Return when `follow` has something to do, in SQL: while an active endpoint subscribes to the event."""
    if cause == EventType.USER_ERASED:
        return "TRUE"
    event = json.dumps([events.CAUSED[cause].value])
    return (
        "EXISTS (SELECT 1 FROM accounts_webhookendpoint "  # noqa: S608 - a name of our own
        f"WHERE stopped_at IS NULL AND events @> '{event}')"
    )


trail.subscribe(
    follow, types=[cause for event in events.Event for cause in event.causes], only_if=_is_wanted
)


def _payload_of(delivery: WebhookDelivery) -> Payload:
    return {"delivery": delivery.pk.hex}


def _delivery_in(payload: Payload) -> WebhookDelivery | None:
    rows = WebhookDelivery.objects.select_related("endpoint")
    return rows.filter(pk=payload["delivery"]).first() if payload else None


def _pause_after(error: Exception) -> timedelta:
    """Return how long the endpoint rests after this failure."""
    if isinstance(error, sending.TimedOutError):
        return endpoints.REST
    return error.pause if isinstance(error, RefusedError) else timedelta()


def _note_attempt(
    delivery: WebhookDelivery, *, status_code: int | None = None, answer: str = "", error: str = ""
) -> None:
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        attempts=F("attempts") + 1,
        attempted_at=timezone.now(),
        status_code=status_code,
        answer=answer,
        error=error[:200],
    )


def _settle(delivery: WebhookDelivery, status: str) -> None:
    WebhookDelivery.objects.filter(pk=delivery.pk).update(status=status)
