"""Count the jobs of the outbox when Prometheus asks: the database has them, not a process."""

from typing import TYPE_CHECKING

from django.db import DatabaseError, connection
from django.db.models import Count, Min
from django.utils import timezone
from structlog import get_logger

from accounts.outbox import jobs
from accounts.outbox.models import Job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import GaugeMetricFamily

DATABASE = "munjigi_database_up", "1 if the database has answered the query for waiting jobs."
DEPTH = "munjigi_outbox_jobs", "Jobs that wait in the outbox."
AGE = "munjigi_outbox_oldest_seconds", "Age of the oldest job that waits."
OVERDUE = "munjigi_outbox_overdue_seconds", "Time since the oldest due job became due."
ALL = (DATABASE, DEPTH, AGE, OVERDUE)

log = get_logger()


class OutboxCollector:
    """A collector of prometheus-client: `collect` runs at each answer, with one query."""

    def collect(self) -> "Iterator[GaugeMetricFamily]":
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - when its files have a place

        try:
            rows = _rows()
        except DatabaseError as error:
            log.warning("the jobs can't be counted for /metrics", error=type(error).__name__)
            yield GaugeMetricFamily(*DATABASE, value=0)
            return
        finally:
            connection.close()
        yield GaugeMetricFamily(*DATABASE, value=1)
        for number, about in enumerate((DEPTH, AGE, OVERDUE)):
            family = GaugeMetricFamily(*about, labels=["kind"])
            for kind, values in rows.items():
                family.add_metric([kind], values[number])
            yield family


def _rows() -> dict[str, tuple[float, float, float]]:
    """Return count, age and lateness for each kind that a handler does, also without jobs."""
    now = timezone.now()
    found = dict.fromkeys(jobs.lanes(), (0.0, 0.0, 0.0))
    counted = Job.objects.order_by().values("kind")
    for row in counted.annotate(n=Count("pk"), oldest=Min("created_at"), due=Min("not_before")):
        if row["kind"] in found:
            age = max(0.0, (now - row["oldest"]).total_seconds())
            late = max(0.0, (now - row["due"]).total_seconds())
            found[row["kind"]] = (float(row["n"]), age, late)
    return found
