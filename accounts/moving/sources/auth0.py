"""Read Auth0's user export (JSON lines), with the lines of its export of password hashes in the same file."""

import json
from collections.abc import Iterator
from typing import Any, TextIO

from accounts.moving import fields, hashes
from accounts.moving.errors import RefusedError
from accounts.moving.formats import joins, json_lines
from accounts.moving.formats.files import Row
from accounts.moving.options import Options
from accounts.moving.person import Person

DATABASE = "auth0"
"""The provider of Auth0's own accounts with a password."""


def rows(file: TextIO, options: Options) -> Iterator[Row]:
    """Join each line of the user export with its line of the hash export, in any order."""
    with joins.database() as database:
        joined = joins.Joins(database)
        for row in json_lines.rows(file):
            content = row.content
            if isinstance(content, RefusedError):
                yield row
            elif isinstance(content.get("_id"), dict) and "user_id" not in content:
                key = f"{DATABASE}|{content['_id'].get('$oid')}"
                joined.add_part(key, row.number, "hash", content)
            else:
                joined.add_person(str(content.get("user_id")), row.number, content)
        yield from joined.rows()


def person(row: dict[str, Any], options: Options) -> Person:
    user_id = fields.text(row, "user_id")
    found = Person(
        external_id=user_id,
        email=fields.text(row, "email"),
        is_verified=fields.flag(row, "email_verified"),
        name=fields.name(fields.text(row, "name")),
        language=fields.language(
            fields.text(fields.mapping(row, "user_metadata"), "lang") or fields.text(row, "locale")
        ),
        joined=fields.moment(row, "created_at"),
        last_login=fields.moment(row, "last_login"),
        is_active=not fields.flag(row, "blocked"),
    )
    if "@" in found.name:  # Auth0 puts the email there if there is no name
        found.name = ""
    hashed = _hash(row)
    if hashed:
        found.take_password(lambda: hashes.stored(hashed))
    for theirs, uid in _identities(row, user_id):
        if theirs != DATABASE:
            found.connect(theirs, uid)
    _take_factors(found, row)
    if fields.mapping(row, "app_metadata"):
        found.leave("claims", "app_metadata, such as roles.")
    if fields.text(row, "phone_number"):
        found.leave("phone", "A phone number.")
    return found


def _hash(row: dict[str, Any]) -> str:
    for part in row[joins.PARTS].get("hash", []):
        return fields.text(part, "passwordHash")
    custom = fields.mapping(fields.mapping(row, "custom_password_hash"), "hash")
    return fields.text(row, "password_hash") or fields.text(custom, "value")


def _identities(row: dict[str, Any], user_id: str) -> list[tuple[str, str]]:
    identities = row.get("identities")
    if isinstance(identities, str):  # the export writes an object as text if asked for CSV columns
        try:
            identities = json.loads(identities)
        except ValueError as exc:
            raise RefusedError("wrong_type", "identities must be a list of objects.") from exc
    entries = fields.objects({"identities": identities}, "identities")
    found = [
        (
            # A connection of the tenant's own has the provider `oauth2` and a name.
            fields.text(each, "connection")
            if fields.text(each, "provider") in {"oauth2", "oidc"}
            else fields.text(each, "provider"),
            fields.text(each, "user_id"),
        )
        for each in entries
    ]
    provider, _, uid = user_id.partition("|")
    return found or [(provider, uid)]


def _take_factors(found: Person, row: dict[str, Any]) -> None:
    for factor in fields.objects(row, "mfa_factors"):
        totp = fields.mapping(factor, "totp")
        if totp:
            secret = fields.text(totp, "secret")
            found.take_app(lambda secret=secret: secret)  # type: ignore[misc]  # bound in the loop
        else:
            found.leave("factor", "A second factor that is no authenticator app.")
