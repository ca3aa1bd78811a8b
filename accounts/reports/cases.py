"""Keep the list of reports for operators: write each report down, close it, and open it again."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.audit import trail
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import EventType
from accounts.client_info import ClientInfo
from accounts.people.models import User
from accounts.reports.models import Report


def follow(recorded: Sequence[AuditEvent], user_id: UUID | None) -> None:
    """Write a row for each report, whichever door took it, in the transaction of its event."""
    rows = [
        Report(
            user_id=user_id,
            about=event.reason,
            sid=event.sid,
            created_at=event.created_at,
            event_id=event.pk,
        )
        for event in recorded
        if user_id is not None
    ]
    if rows:
        Report.objects.bulk_create(rows)


def close(report: Report, *, note: str, actor: User, client: ClientInfo) -> bool:
    """Note that an operator has dealt with this report. Returns False if it was closed before.

    A report without a note gets this one. The audit event has it in any case.
    """
    with transaction.atomic():
        rows = Report.objects.filter(pk=report.pk, closed_at=None)
        if not rows.update(closed_at=timezone.now(), closed_by=actor):
            return False
        Report.objects.filter(pk=report.pk, note="").update(note=note)
        _record(EventType.REPORT_CLOSED, report, note=note, actor=actor, client=client)
    return True


def reopen(report: Report, *, actor: User, client: ClientInfo) -> bool:
    """Note that this report needs an operator again. Returns False if it was open."""
    with transaction.atomic():
        rows = Report.objects.filter(pk=report.pk, closed_at__isnull=False)
        if not rows.update(closed_at=None, closed_by=None):
            return False
        _record(EventType.REPORT_REOPENED, report, actor=actor, client=client)
    return True


def _record(
    type_: EventType, report: Report, *, actor: User, client: ClientInfo, note: str = ""
) -> None:
    trail.record(type_, user=report.user, sid=report.sid, actor=actor, client=client, note=note)


trail.subscribe(follow, types={EventType.ACTIVITY_DENIED})
