"""Write people into the database, in batches, each in one transaction.

An import may run again: it skips a person whose id came before, and changes no account. If another
writer disturbs a batch, such as a sign-up at the same time, the import writes its people one by one.
"""

from collections.abc import Iterable, Sequence
from uuid import uuid4

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from accounts import encryption
from accounts.audit import trail
from accounts.factors.totp import codes
from accounts.moving.models import ExternalId
from accounts.moving.person import TOTP, Factor, Person
from accounts.people.models import User


def write(people: Sequence[Person], *, source: str) -> list[Person]:
    """Write these people, and return those that the database refused.

    Call only with people that `judging` has accepted.
    """
    try:
        with transaction.atomic():
            _insert(people, source)
    except (IntegrityError, DataError):
        if len(people) == 1:
            return [*people]
        return [refused for person in people for refused in write([person], source=source)]
    return []


def _insert(people: Sequence[Person], source: str) -> None:
    users = {id(person): _user(person) for person in people}
    User.objects.bulk_create(users.values())
    EmailAddress.objects.bulk_create(
        EmailAddress(
            user=users[id(person)],
            email=address.email,
            verified=address.is_verified,
            primary=address.is_primary,
        )
        for person in people
        for address in person.addresses
    )
    SocialAccount.objects.bulk_create(
        SocialAccount(
            user=users[id(person)], provider=each.provider, uid=each.uid, extra_data=each.extra_data
        )
        for person in people
        for each in person.connections
    )
    Authenticator.objects.bulk_create(
        _authenticator(users[id(person)], factor) for person in people for factor in person.factors
    )
    ExternalId.objects.bulk_create(
        ExternalId(
            user=users[id(person)],
            source=origin,
            external_id=key,
            waits_for_password=origin == source and not person.password,
            waits_for_proof=not any(address.is_verified for address in person.addresses),
        )
        for person in people
        for origin, key in dict.fromkeys([(source, person.external_id), *person.external_ids])
    )
    _join_groups(people, users)
    trail.record_import(list(users.values()), source=source)


def _user(person: Person) -> User:
    return User(
        id=person.id or uuid4(),
        email=person.email,
        password=person.password or make_password(None),
        display_name=person.name,
        locale=person.language,
        extras=person.extras,
        date_joined=person.joined or timezone.now(),
        last_login=person.last_login,
        is_active=person.is_active,
        is_staff=person.is_staff,
        is_superuser=person.is_superuser,
        erase_at=person.erase_at,
    )


def _authenticator(user: User, factor: Factor) -> Authenticator:
    data = factor.data
    if factor.type == TOTP:
        data = {codes.STEP: 0, **data, "secret": encryption.encrypt(data["secret"])}
    return Authenticator(
        user=user,
        type=factor.type,
        data=data,
        created_at=factor.created or timezone.now(),
        last_used_at=factor.last_used,
    )


def _join_groups(people: Iterable[Person], users: dict[int, User]) -> None:
    wanted = {name for person in people for name in person.groups}
    if not wanted:
        return
    groups = {group.name: group for group in Group.objects.filter(name__in=wanted)}
    rows = User.groups.through
    rows.objects.bulk_create(
        rows(user_id=users[id(person)].pk, group_id=groups[name].pk)
        for person in people
        for name in dict.fromkeys(person.groups)
    )
