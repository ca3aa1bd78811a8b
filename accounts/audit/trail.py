"""Append events to the audit log: the event, its account, its actor and the device.

A room that follows the log (`subscribe`) hears of each event in the transaction that writes it. `insertion`
writes an event without a transaction, in the statement of its act.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db import transaction
from structlog.contextvars import get_contextvars

from accounts import statements
from accounts.audit import personal
from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import EventType
from accounts.client_info import ClientInfo
from accounts.people.models import User

Subscriber = Callable[[Sequence[AuditEvent], UUID | None], None]
Listener = Callable[[Sequence[AuditEvent]], None]


@dataclass(frozen=True)
class Subscription:
    tell: Subscriber
    types: frozenset[EventType]
    only_if: Callable[[EventType], str] | None

    def condition(self, type_: EventType) -> str:
        """Return when the subscriber must hear of such an event, in SQL."""
        if type_ not in self.types:
            return "FALSE"
        return "TRUE" if self.only_if is None else self.only_if(type_)


_subscriptions: list[Subscription] = []
_listeners: list[Listener] = []


def subscribe(
    subscriber: Subscriber,
    *,
    types: Iterable[EventType] = EventType,
    only_if: Callable[[EventType], str] | None = None,
) -> None:
    """Call this function with the events of these types and the id of their account, in their transaction.

    It must be quick, and if it fails, the act fails: write a row or a job, and do the rest later.

    `only_if` takes a type and returns a condition in SQL, without values. While that is false, the
    function would do nothing with such an event, so an act may leave out the transaction (`insertion`).
    """
    _subscriptions.append(Subscription(subscriber, frozenset(types), only_if))


def listen(listener: Listener) -> None:
    """Call this function with the events after their commit. If it fails, the call is not repeated."""
    _listeners.append(listener)


def wanted(type_: EventType) -> str:
    """Return the condition, in SQL, under which a subscriber must hear of such an event in its transaction."""
    conditions = [each.condition(type_) for each in _subscriptions]
    return " OR ".join(each for each in conditions if each != "FALSE") or "FALSE"


def record(  # noqa: PLR0913 - the columns of one row
    type: EventType,  # noqa: A002 - the column's name
    *,
    user: User | None = None,
    identifier: str = "",
    sid: UUID | None = None,
    client: ClientInfo | None = None,
    reason: str = "",
    note: str = "",
    actor: User | None = None,
    amr: Iterable[str] = (),
    deleted_id: UUID | None = None,
) -> AuditEvent:
    """Write one event and return its row. The id of the request is taken from the context of the logs.

    `identifier` defaults to the user's email; the row keeps it after the user is deleted. `reason`
    is a value of the vocabulary or a provider's id, `note` a text of an administrator. `actor` is the
    person who did it, if that is not `user`. `amr` has the methods of a sign-in or a proof.
    `deleted_id` is the id of an account that is deleted: subscribers get it, and the row doesn't keep it.
    """
    event = made(
        type,
        user=user,
        identifier=identifier,
        sid=sid,
        client=client,
        reason=reason,
        note=note,
        actor=actor,
        amr=amr,
    )
    with transaction.atomic(savepoint=False):
        statements.insert(event)
        _tell([event], event.user_id or deleted_id)
    return event


def record_each(  # noqa: PLR0913 - the columns of these rows
    sids: Iterable[UUID],
    type: EventType,  # noqa: A002 - the column's name
    *,
    user: User,
    client: ClientInfo | None = None,
    reason: str = "",
    note: str = "",
    actor: User | None = None,
) -> None:
    """Write the same event for each of these sign-ins (`sids`), in one statement."""
    events = [
        made(type, user=user, sid=sid, client=client, reason=reason, note=note, actor=actor)
        for sid in sids
    ]
    with transaction.atomic(savepoint=False):
        AuditEvent.objects.bulk_create(events)
        _tell(events, user.pk)


def record_import(users: Sequence[User], *, source: str) -> None:
    """Write `user.imported` for each of these new accounts, in one statement. `reason` is the source.

    Tells no subscriber: a webhook for each of 100,000 accounts is no news for the services of a team that
    moves its own users (decision 0105).
    """
    AuditEvent.objects.bulk_create(
        made(EventType.USER_IMPORTED, user=user, sid=None, client=None, reason=source, actor=None)
        for user in users
    )


def pseudonymise(user: User) -> str:
    """Replace the person in all events of this account by a random pseudonym, and return that.

    Call before the user is deleted, and record `user.erased` with the pseudonym in the same
    transaction: `verification` accepts erased rows only with that event. The events stay together
    under the pseudonym, without an address, a device and a note. Rows of others keep theirs.
    """
    pseudonym = f"erased-{uuid4().hex}"
    emails = set(user.emailaddress_set.values_list("email", flat=True)) | {user.email}
    named = AuditEvent.objects.filter(identifier__in=emails | {each.lower() for each in emails})
    groups: defaultdict[int, set[str]] = defaultdict(set)
    for events, erased in (
        (named, ["identifier"]),
        (
            named.filter(user=None),
            ["device", "note"],
        ),  # sign-ins that failed before there was an account
        (AuditEvent.objects.filter(user=user), ["identifier", "user", "device", "note"]),
        (AuditEvent.objects.filter(actor=user), ["actor", "device", "note"]),
    ):
        for pk in events.order_by().values_list("pk", flat=True):
            groups[pk].update(erased)
    personal.erase(groups, by=pseudonym)
    return pseudonym


def _tell(events: Sequence[AuditEvent], user_id: UUID | None) -> None:
    for each in _subscriptions:
        followed = [event for event in events if event.type in each.types]
        if followed:
            each.tell(followed, user_id)
    tell_listeners(events)


def tell_listeners(events: Sequence[AuditEvent]) -> None:
    """Call the listeners after the commit, or now outside a transaction."""
    if _listeners:
        transaction.on_commit(lambda: _call_each(events), robust=True)


def _call_each(events: Sequence[AuditEvent]) -> None:
    for listener in _listeners:
        listener(events)


def made(  # noqa: PLR0913 - the columns of one row
    type: EventType,  # noqa: A002 - the column's name
    *,
    user: User | None,
    sid: UUID | None,
    client: ClientInfo | None,
    reason: str,
    actor: User | None,
    note: str = "",
    identifier: str = "",
    amr: Iterable[str] = (),
) -> AuditEvent:
    """Return the event without writing it."""
    client = client or ClientInfo()
    identifier = identifier or (user.email if user else "")
    return AuditEvent(
        type=type,
        user=user,
        identifier=identifier.replace("\x00", "")[:254],
        sid=sid,
        ip=client.ip,
        user_agent=client.user_agent,
        reason=reason,
        note=note,
        amr=list(amr),
        request_id=get_contextvars().get("request_id", ""),
        actor=actor if actor != user else None,
    )
