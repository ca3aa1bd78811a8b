"""Find what the database has already of a batch of people, in a few queries."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount

from accounts.moving import departures
from accounts.moving.models import ExternalId
from accounts.moving.person import Person
from accounts.people.models import User


@dataclass
class Present:
    """Hold what the database has: ids of this source, emails, connections, ids of accounts."""

    external_ids: set[str]
    departed: set[str]
    """Ids of this source, of people whose account was deleted here."""
    emails: set[str]
    connections: set[tuple[str, str]]
    ids: set[UUID]


def present(people: Iterable[Person], *, source: str) -> Present:
    people = list(people)
    keys = [person.external_id for person in people]
    emails = {address.email for person in people for address in person.addresses}
    emails |= {person.email for person in people}
    gone = departures.among(each for person in people for each in _ids(person, source))
    uids = defaultdict(set)
    for person in people:
        for connection in person.connections:
            uids[connection.provider].add(connection.uid)
    return Present(
        external_ids=set(
            ExternalId.objects.filter(source=source, external_id__in=keys).values_list(
                "external_id", flat=True
            )
        ),
        departed={
            person.external_id for person in people if gone.intersection(_ids(person, source))
        },
        emails={
            *User.objects.filter(email__in=emails).values_list("email", flat=True),
            *EmailAddress.objects.filter(email__in=emails, verified=True).values_list(
                "email", flat=True
            ),
        },
        connections={
            (provider, uid)
            for provider, theirs in uids.items()
            for uid in SocialAccount.objects.filter(provider=provider, uid__in=theirs).values_list(
                "uid", flat=True
            )
        },
        ids=set(
            User.objects.filter(pk__in=[each.id for each in people if each.id]).values_list(
                "pk", flat=True
            )
        ),
    )


def _ids(person: Person, source: str) -> list[tuple[str, str]]:
    return [(source, person.external_id), *person.external_ids]
