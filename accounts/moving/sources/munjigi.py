"""Read the JSON lines of our own `manage.py export_users`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from accounts.audit.vocabulary import FactorKind
from accounts.factors.passkeys import credentials
from accounts.factors.recovery_codes import codes as recovery_codes
from accounts.factors.totp import codes
from accounts.moving import fields, hashes
from accounts.moving.errors import RefusedError
from accounts.moving.formats import json_lines
from accounts.moving.formats.files import Row
from accounts.moving.layout import VERSION
from accounts.moving.options import Options
from accounts.moving.person import TOTP, Address, Connection, Factor, Person

IS_WHOLE: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    FactorKind.PASSKEY.value: credentials.is_whole,
    FactorKind.TOTP.value: lambda data: isinstance(data.get("secret"), str),
    FactorKind.RECOVERY_CODES.value: recovery_codes.is_whole,
}
"""The kinds of second factors, each with the check of its data."""


def rows(file: TextIO, options: Options) -> Iterator[Row]:
    return json_lines.rows(file)


def person(row: dict[str, Any], options: Options) -> Person:
    if row.get("munjigi") != VERSION:
        raise RefusedError("version", f"The line is not of version {VERSION} of our export.")
    found = _account(fields.mapping(row, "user"), fields.objects(row, "addresses"))
    for each in fields.objects(row, "connections"):
        found.connections.append(
            Connection(
                fields.text(each, "provider"),
                fields.text(each, "uid"),
                fields.stored_mapping(each, "extra_data"),
            )
        )
    for each in fields.objects(row, "factors"):
        _take(found, each)
    found.groups = fields.texts(row, "groups")
    found.external_ids = [
        (fields.text(each, "source"), fields.text(each, "external_id"))
        for each in fields.objects(row, "external_ids")
    ]
    return found


def _account(user: dict[str, Any], addresses: list[dict[str, Any]]) -> Person:
    """Return a person with the columns of the user, the addresses and the hash of the password."""
    external_id, email = fields.text(user, "id"), fields.text(user, "email")
    mine = [each for each in addresses if fields.text(each, "email").lower() == email]
    found = Person(
        external_id=external_id,
        id=fields.identifier(external_id),
        email=email,
        is_verified=any(fields.flag(each, "verified") for each in mine),
        name=fields.name(fields.text(user, "display_name")),
        language=fields.language(fields.text(user, "locale")),
        extras=fields.stored_mapping(user, "extras"),
        joined=fields.moment(user, "date_joined"),
        last_login=fields.moment(user, "last_login"),
        is_active=fields.flag(user, "is_active"),
        is_staff=fields.flag(user, "is_staff"),
        is_superuser=fields.flag(user, "is_superuser"),
        erase_at=fields.moment(user, "erase_at"),
    )
    # Unproved addresses come, too: they tell an account that somebody began from one that an operator made.
    found.addresses = [
        Address(
            fields.text(each, "email"),
            fields.flag(each, "verified"),
            fields.flag(each, "primary"),
        )
        for each in addresses
    ]
    if hashed := fields.text(user, "password"):
        found.take_password(lambda: hashes.stored(hashed))
    return found


def _take(found: Person, factor: dict[str, Any]) -> None:
    kind, data = fields.text(factor, "type"), fields.stored_mapping(factor, "data")
    is_whole = IS_WHOLE.get(kind)
    if is_whole is None or not is_whole(data):
        found.leave("factor", f"A second factor of the type {kind[:32]}, in another form.")
        return
    if kind == TOTP:
        try:
            secret = fields.totp_secret(data["secret"])
        except RefusedError as exc:
            found.leave(exc.reason, exc.detail)
            return
        data = {"secret": secret, "step": codes.step_in(data)}
    created, last_used = fields.moment(factor, "created_at"), fields.moment(factor, "last_used_at")
    found.factors.append(Factor(kind, data, created, last_used))
