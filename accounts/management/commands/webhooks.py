"""Manage the endpoints of webhooks from the command line."""

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone
from typing_extensions import override

from accounts.audit.vocabulary import WebhookStop
from accounts.management import durations
from accounts.outbox import jobs
from accounts.webhooks import delivery, endpoints
from accounts.webhooks.events import EVENTS
from accounts.webhooks.models import OVERLAP, WebhookDelivery, WebhookEndpoint, parse_message_id

Status = WebhookDelivery.Status


class Command(BaseCommand):
    help = (
        "List, add, remove, stop, start and test endpoints of webhooks, and deliver events again."
    )

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        add = actions.add_parser
        add("list", help="List all endpoints, and how many deliveries failed.")
        _takes_subscription(add("add", help="Add an endpoint and print its secret once."))
        _takes_id(add("remove", help="Delete an endpoint and its deliveries."), can_be_dry=True)
        rotate = add(
            "rotate", help="Make a new secret and print it once. Both secrets sign for 24 hours."
        )
        _takes_id(rotate, can_be_dry=True)
        rotate.add_argument(
            "--now", action="store_true", help="After a leak: end the former secret at once."
        )
        _takes_id(add("stop", help="Send nothing more to an endpoint."), can_be_dry=True)
        _takes_id(add("start", help="Send the events from now on to an endpoint that was stopped."))
        _takes_id(add("test", help="Send a test event now, and print the answer."))
        _takes_events(add("replay", help="Deliver events again, with the same webhook-id."))

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        for line in getattr(self, f"_{options['action']}")(options):
            self.stdout.write(line)

    def _list(self, options: dict[str, Any]) -> Iterator[str]:
        for endpoint in WebhookEndpoint.objects.all():
            state = "active" if endpoint.is_active else f"stopped ({endpoint.stopped_reason})"
            rows = endpoint.deliveries
            waiting = rows.filter(status=Status.WAITING).count()
            failed = rows.filter(status__in=[Status.FAILED, Status.DROPPED]).count()
            yield f"{endpoint.pk}  {state}  {waiting} waiting, {failed} failed  {endpoint.url}"
            yield f"    {', '.join(endpoint.events)}"

    def _add(self, options: dict[str, Any]) -> Iterator[str]:
        events = list(EVENTS) if options["all_events"] else options["event"]
        if not events:
            raise CommandError("Name the events with --event, or use --all-events.")
        if refused := endpoints.refusal_of(options["url"]):
            raise CommandError(str(refused.label))
        endpoint = WebhookEndpoint(
            url=options["url"],
            description=options["description"][:200],
            events=list(dict.fromkeys(events)),
            has_personal_data=options["personal_data"],
        )
        secret = endpoints.add(endpoint)
        yield f"Added {endpoint.pk}."
        yield f"Its secret, which is shown only once: {secret}"

    def _remove(self, options: dict[str, Any]) -> Iterator[str]:
        endpoint = _endpoint(options["id"])
        count = endpoint.deliveries.count()
        if options["dry_run"]:
            yield f"Would delete {endpoint.url} and {count} deliveries."
            return
        endpoints.remove(endpoint)
        yield f"Deleted {endpoint.url} and {count} deliveries."

    def _rotate(self, options: dict[str, Any]) -> Iterator[str]:
        endpoint = _endpoint(options["id"])
        until = "at once" if options["now"] else "in 24 hours"
        if options["dry_run"]:
            yield f"Would make a new secret for {endpoint.url}. The former one would end {until}."
            return
        secret = endpoints.rotate(endpoint, overlap=timedelta(0) if options["now"] else OVERLAP)
        yield f"The new secret, which is shown only once: {secret}"
        yield f"The former one ends {until}."

    def _stop(self, options: dict[str, Any]) -> Iterator[str]:
        endpoint = _endpoint(options["id"])
        if not endpoint.is_active:
            raise CommandError(f"{endpoint.url} is stopped already.")
        if options["dry_run"]:
            yield f"Would stop {endpoint.url}."
            return
        endpoints.stop(endpoint, reason=WebhookStop.OPERATOR)
        yield f"Stopped {endpoint.url}."

    def _start(self, options: dict[str, Any]) -> Iterator[str]:
        endpoint = _endpoint(options["id"])
        if not endpoints.start(endpoint):
            raise CommandError(f"{endpoint.url} is not stopped.")
        yield f"Started {endpoint.url}. `webhooks replay --endpoint` sends what it missed in the queue."

    def _test(self, options: dict[str, Any]) -> Iterator[str]:
        # Not due yet, so that no worker takes it first.
        soon = timezone.now() + timedelta(minutes=1)
        sent, job = delivery.send_test(_endpoint(options["id"]), not_before=soon)
        jobs.run(job.pk)
        sent.refresh_from_db()
        if sent.status != Status.DELIVERED:
            answer = sent.error or f"answered {sent.status_code}: {sent.answer}"
            raise CommandError(
                f"Not delivered: {answer if sent.attempts else sent.get_status_display()}"
            )
        yield f"Delivered {sent.message_id}: answered {sent.status_code}."

    def _replay(self, options: dict[str, Any]) -> Iterator[str]:
        chosen = _chosen(options)
        if options["dry_run"]:
            yield f"Would deliver {chosen.count()} events again."
            return
        yield f"{sum(map(delivery.replay, chosen))} events wait for the worker."


def _chosen(options: dict[str, Any]) -> QuerySet[WebhookDelivery]:
    rows = WebhookDelivery.objects.exclude(status=Status.WAITING).order_by("occurred_at", "pk")
    if bool(options["message"]) == bool(options["endpoint"]):
        raise CommandError("Name one event, or an endpoint with --endpoint.")
    if options["message"]:
        id_ = parse_message_id(options["message"])
        found = rows.filter(pk=id_) if id_ else rows.none()
        if not found:
            raise CommandError("No event that can be delivered again has this webhook-id.")
        return found
    since = timezone.now() - options["hours"]
    rows = rows.filter(endpoint=_endpoint(options["endpoint"]), occurred_at__gte=since)
    return rows.exclude(status=Status.DELIVERED)


def _endpoint(beginning: str) -> WebhookEndpoint:
    found = [each for each in WebhookEndpoint.objects.all() if str(each.pk).startswith(beginning)]
    if len(found) != 1 or not beginning:
        raise CommandError(f"{len(found)} endpoints have the id {beginning}.")
    return found[0]


def _takes_subscription(parser: ArgumentParser) -> None:
    parser.add_argument("url")
    parser.add_argument(
        "--event",
        action="append",
        choices=sorted(EVENTS),
        metavar="TYPE",
        help=f"Repeat it for each event: {', '.join(EVENTS)}.",
    )
    parser.add_argument("--all-events", action="store_true", help="Subscribe to all of them.")
    parser.add_argument("--description", default="")
    parser.add_argument(
        "--personal-data", action="store_true", help="Send the account's email and name, too."
    )


def _takes_id(parser: ArgumentParser, *, can_be_dry: bool = False) -> None:
    parser.add_argument("id", help="The id, or the beginning of it, as `list` prints it.")
    if can_be_dry:
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be done.")


def _takes_events(parser: ArgumentParser) -> None:
    parser.add_argument("message", nargs="?", help="The webhook-id of one event: msg_….")
    parser.add_argument(
        "--endpoint", help="Or all events of this endpoint that were not delivered."
    )
    parser.add_argument(
        "--hours", type=durations.hours, default="24", help="Of the last hours (default: 24)."
    )
    parser.add_argument("--dry-run", action="store_true", help="Only count them.")
