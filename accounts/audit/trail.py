"""Append events to the audit log: the event, its account, its actor and the device."""

from collections.abc import Iterable
from uuid import UUID, uuid4

from accounts.audit.models import AuditEvent
from accounts.audit.vocabulary import EventType
from accounts.client_info import ClientInfo
from accounts.people.models import User


def record(  # noqa: PLR0913 - the columns of one row
    type: EventType,  # noqa: A002 - the column's name
    *,
    user: User | None = None,
    identifier: str = "",
    sid: UUID | None = None,
    client: ClientInfo | None = None,
    reason: str = "",
    actor: User | None = None,
) -> AuditEvent:
    """Write one event and return its row.

    `identifier` defaults to the user's email; the row keeps it after the user is deleted. `reason`
    is a value of the vocabulary or a provider's id. `actor` is the person who did it, if that is
    not `user`.
    """
    event = _event(
        type,
        user=user,
        identifier=identifier,
        sid=sid,
        client=client,
        reason=reason,
        actor=actor,
    )
    event.save(force_insert=True)
    return event


def record_each(  # noqa: PLR0913 - the columns of these rows
    sids: Iterable[UUID],
    type: EventType,  # noqa: A002 - the column's name
    *,
    user: User,
    client: ClientInfo | None = None,
    reason: str = "",
    actor: User | None = None,
) -> None:
    """Write the same event for each of these sign-ins (`sids`), in one statement."""
    AuditEvent.objects.bulk_create(
        [
            _event(type, user=user, sid=sid, client=client, reason=reason, actor=actor)
            for sid in sids
        ]
    )


def pseudonymise(user: User) -> str:
    """Replace the person in all events of this account by a random pseudonym, and return that.

    Call before the user is deleted. The events stay together under the pseudonym, without an
    address and a device. Rows of others keep theirs.
    """
    pseudonym = f"erased-{uuid4().hex}"
    emails = set(user.emailaddress_set.values_list("email", flat=True)) | {user.email}
    named = AuditEvent.objects.filter(identifier__in=emails | {each.lower() for each in emails})
    unnamed = {"ip": None, "user_agent": ""}
    named.filter(user=None).update(**unnamed)  # sign-ins that failed before there was an account
    named.update(identifier=pseudonym)
    AuditEvent.objects.filter(user=user).update(identifier=pseudonym, **unnamed)
    AuditEvent.objects.filter(actor=user).update(**unnamed)
    return pseudonym


def _event(  # noqa: PLR0913 - the columns of one row
    type: EventType,  # noqa: A002 - the column's name
    *,
    user: User | None,
    sid: UUID | None,
    client: ClientInfo | None,
    reason: str,
    actor: User | None,
    identifier: str = "",
) -> AuditEvent:
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
        actor=actor if actor != user else None,
    )
