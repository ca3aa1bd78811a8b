"""Decide whether a person can come, and with what. Nobody takes over an account that is here."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.moving.errors import RefusedError
from accounts.moving.formats.joins import Seen
from accounts.moving.lookups import Present
from accounts.moving.options import Options
from accounts.moving.person import Address, Person
from accounts.people.managers import UserManager

MAX_EMAIL, MAX_SOURCE, MAX_ID, MAX_UID, MAX_PROVIDER = 254, 32, 255, 191, 200


def prepare(person: Person, options: Options) -> None:
    """Convert a person's values to our form. Raises `RefusedError` if they can't be imported."""
    if not person.external_id or len(person.external_id) > MAX_ID:
        raise RefusedError("no_id", f"The id is missing or has more than {MAX_ID} characters.")
    if not person.email:
        raise RefusedError("no_email", "There is no email. An account needs one here.")
    person.email = _address(person.email)
    if person.is_verified is None:
        person.is_verified = options.trusts_emails
    person.addresses = [
        Address(_address(each.email), each.is_verified, each.is_primary)
        for each in person.addresses
    ]
    if not person.addresses and person.is_verified:
        # An unproved address gets no row, as for an account that an administrator prepared: an account
        # with an unproved row is deleted once somebody else proves that address.
        person.addresses = [Address(person.email, is_verified=True)]
    if person.is_staff or person.is_superuser:
        _judge_rights(person, options)
    _judge_groups(person, options)
    _judge_extras(person)
    person.external_ids = [
        (source, key)
        for source, key in person.external_ids
        if 0 < len(source) <= MAX_SOURCE and 0 < len(key) <= MAX_ID
    ]
    for connection in [*person.connections]:
        if not 0 < len(connection.uid) <= MAX_UID or len(connection.provider) > MAX_PROVIDER:
            person.connections.remove(connection)
            person.leave("provider", f"An account at {connection.provider[:32]} with a bad id.")


def _judge_extras(person: Person) -> None:
    """Keep the values of fields that this site has and accepts."""
    known = {each.name: each for each in settings.PROFILE_FIELDS}
    kept = {}
    for name, value in person.extras.items():
        try:
            kept[name] = known[name].clean(value)
        except (KeyError, ValidationError):
            person.leave("profile", f"The field {name[:32]} of the profile.")
    person.extras = kept


def note_id(person: Person, seen: Seen) -> None:
    """Note the id of this row. Raises `RefusedError` if the file had it before."""
    if not seen.add("id", person.external_id):
        raise RefusedError("id_repeated", "An earlier row of the file has this id.")


def is_known(person: Person, present: Present) -> bool:
    """Return True if this person came before."""
    return person.external_id in present.external_ids


def accept(person: Person, present: Present, seen: Seen) -> None:
    """Note this person as coming. Raises `RefusedError` if the account would be somebody else's.

    A connection that is somebody else's doesn't come, and the person comes without.
    """
    if person.external_id in present.departed:
        raise RefusedError("deleted", "The account came before and was deleted here.")
    emails = {person.email} | {each.email for each in person.addresses if each.is_verified}
    if taken := emails & present.emails:
        raise RefusedError("email_taken", f"An account here has the address {min(taken)}.")
    if person.id is not None and person.id in present.ids:
        raise RefusedError("id_taken", "An account here has this id.")
    if not all(seen.add("email", email) for email in sorted(emails)):
        raise RefusedError("email_repeated", "An earlier row of the file has this address.")
    for connection in [*person.connections]:
        key = (connection.provider, connection.uid)
        is_first = seen.add("connection", "\n".join(key))
        if key in present.connections or not is_first:
            person.connections.remove(connection)
            person.leave(
                "connection_taken", f"This account at {connection.provider} is somebody else's."
            )


def _address(email: str) -> str:
    normal = UserManager.normalize_email(email)
    try:
        validate_email(normal)
    except ValidationError as exc:
        raise RefusedError("bad_email", "The email is no valid address.") from exc
    if len(normal) > MAX_EMAIL:
        raise RefusedError("bad_email", f"The email has more than {MAX_EMAIL} characters.")
    return normal


def _judge_rights(person: Person, options: Options) -> None:
    if not options.keeps_staff:
        person.is_staff = person.is_superuser = False
        person.leave("staff", "The right to the admin. It comes with --keep-staff.")


def _judge_groups(person: Person, options: Options) -> None:
    if not person.groups:
        return
    if not options.keeps_groups:
        person.groups = []
        person.leave("groups", "Groups. They come with --keep-groups.")
        return
    known = set(Group.objects.filter(name__in=person.groups).values_list("name", flat=True))
    if missing := [name for name in person.groups if name not in known]:
        person.leave("groups", f"Groups that aren't here: {', '.join(missing)[:200]}.")
    person.groups = [name for name in person.groups if name in known]
